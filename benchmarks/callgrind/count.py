"""Take steps under valgrind's callgrind and dump what they cost: ``count.py <requests.so> <point> ...``.

A point is ``backend optimizer dim steps``. Its steps are taken twice, then once, and callgrind dumps both counts: their
difference is the cost of the steps without the calls around the loop. Without valgrind the program only compiles the
kernels and leaves them on disk.
"""

import ctypes
import sys

from suite.steps import take_steps  # type: ignore[import-not-found]  # found where asv's suite is imported from


def main(library: str, points: list[str]) -> None:
    """Count every point that the commit can run.

    Parameters
    ----------
    library : str
        The path of the compiled requests.c.
    points : list of str
        Points to count; those that the commit lacks are skipped.
    """
    requests = ctypes.CDLL(library)
    offered = [point for point in points if step(point, 1)]
    requests.start()
    for point in offered:
        # The first pass is discarded: it touches new memory pages and runs code for the first time.
        for times in (1, 2, 1):
            requests.dump(b"before")
            step(point, times)
            requests.dump(f"{point} {times}".encode())


def step(point: str, times: int) -> bool:
    """Take a point's steps `times` times; return False if the commit lacks its backend or optimizer.

    Parameters
    ----------
    point : str
        ``backend optimizer dim steps``.
    times : int
        How many times the steps are taken.
    """
    backend, optimizer, dim, steps = point.split()
    try:
        take_steps(backend, optimizer, int(dim), times * int(steps))
    except NotImplementedError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
