"""Take steps and ask callgrind, which this is run under, for what they cost: ``count.py <requests.so> <point> ...``.

A point is ``backend optimizer dim steps``. Its steps are taken twice over and then once more, and each part is dumped:
the difference of the two has nothing of the calls around the loop. Without valgrind it leaves the kernels on disk.
"""

import ctypes
import sys

from suite.steps import take_steps


def main(library: str, points: list[str]) -> None:
    """Count every point."""
    requests = ctypes.CDLL(library)
    for point in points:
        backend, optimizer, dim, steps = point.split()
        take_steps(backend, optimizer, int(dim), 1)
    requests.start()
    for point in points:
        backend, optimizer, dim, steps = point.split()
        # The first time is slower: a translation of the code is made, and a page is touched.
        for times in (1, 2, 1):
            requests.dump(b"before")
            take_steps(backend, optimizer, int(dim), times * int(steps))
            requests.dump(f"{point} {times}".encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
