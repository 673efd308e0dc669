"""Take steps and ask callgrind, which this is run under, for what they cost: ``count.py <requests.so> <point> ...``.

A point is ``backend optimizer dim steps``. Its steps are taken twice over and then once more, and each part is dumped:
the difference of the two has nothing of the calls around the loop. Without valgrind it leaves the kernels on disk.
"""

import ctypes
import sys

from suite.steps import take_steps  # type: ignore[import-not-found]  # found where asv's suite is imported from


def main(library: str, points: list[str]) -> None:
    """Count every point that the commit offers."""
    requests = ctypes.CDLL(library)
    offered = [point for point in points if step(point, 1)]
    requests.start()
    for point in offered:
        # The first time is another: pages are touched, and code is met that is new.
        for times in (1, 2, 1):
            requests.dump(b"before")
            step(point, times)
            requests.dump(f"{point} {times}".encode())


def step(point: str, times: int) -> bool:
    """Take a point's steps so many times over; False where the commit lacks what it names."""
    backend, optimizer, dim, steps = point.split()
    try:
        take_steps(backend, optimizer, int(dim), times * int(steps))
    except NotImplementedError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
