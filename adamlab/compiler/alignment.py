"""Arrays that lie where vector code is fastest.

A vector of 64 bytes that crosses from one cache line into the next costs two accesses, and a processor that compares
the last twelve bits of addresses takes a load for dependent on a store 4,096 bytes apart. Arrays that a loop goes over
together therefore start at the beginning of a line, each at another place within 4,096 bytes.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from adamlab.rules.reduction import LANES

LINE, PAGE = 64, 4096
# Lines between the starts of two arrays that follow each other. Odd, so that 64 arrays fall on 64 different lines; and
# about the golden part of a page, so that a few lie far apart: a loop loads some lines ahead of what it stores.
STRIDE = 25


def aligned(size: int, dtype: DTypeLike, place: int) -> NDArray[Any]:
    """An array of ``size`` elements, not initialised; ``place`` numbers the arrays of one loop."""
    itemsize = np.dtype(dtype).itemsize
    raw = np.empty(size * itemsize + PAGE, np.uint8)
    start = (place * STRIDE * LINE - raw.ctypes.data) % PAGE
    return raw[start : start + size * itemsize].view(dtype)


def lanes(arrays: int) -> tuple[NDArray[np.float64], ...]:
    """What a loop keeps for each lane of `adamlab.rules.reduction`: a sum, and all before a step; at the last places."""
    return tuple(aligned(LANES, np.float64, PAGE // LINE - 1 - k) for k in range(2 + arrays))


def aligned_copies(arrays: Any, first_place: int = 0) -> tuple[NDArray[Any], ...]:
    """Flat copies of ``arrays``, for one loop."""
    copies = []
    for place, array in enumerate(arrays, first_place):
        flat = np.ravel(array)
        copy = aligned(flat.size, flat.dtype, place)
        np.copyto(copy, flat)
        copies.append(copy)
    return tuple(copies)
