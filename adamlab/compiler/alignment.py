"""Arrays that start at cache lines, placed so that one loop over several of them runs at full speed.

A 64-byte vector that crosses from one cache line into the next costs two accesses. And a processor that compares only
the last twelve bits of addresses assumes that a load depends on an earlier store 4,096 bytes away. The arrays of one
loop therefore each start at a cache line, and each at a different offset within 4,096 bytes.

This module does not import Numba.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from adamlab.rules.reduction import LANES

LINE, PAGE = 64, 4096
# Cache lines between the offsets of two consecutive arrays. The number is odd, so that 64 arrays get 64 different
# offsets; and it divides a page about in the golden ratio, so that the offsets of a few arrays lie far apart: a loop
# loads some lines ahead of those that it stores.
STRIDE = 25


def aligned(size: int, dtype: DTypeLike, place: int) -> NDArray[Any]:
    """Return an uninitialised array that starts at a cache line.

    Parameters
    ----------
    size : int
        Number of elements.
    dtype : dtype
        Type of the elements.
    place : int
        Number of the array among the arrays of one loop; it determines the offset within 4,096 bytes.

    Returns
    -------
    ndarray, shape (size,)
        The array; it keeps the larger buffer that it is a view of alive.
    """
    itemsize = np.dtype(dtype).itemsize
    raw = np.empty(size * itemsize + PAGE, np.uint8)
    start = (place * STRIDE * LINE - raw.ctypes.data) % PAGE
    return raw[start : start + size * itemsize].view(dtype)


def lanes(arrays: int) -> tuple[NDArray[np.float64], ...]:
    """Return the scratch arrays of a step, which hold one number for each lane of `adamlab.rules.reduction`.

    Parameters
    ----------
    arrays : int
        Number of arrays that a step changes: theta and the state.

    Returns
    -------
    tuple of ndarray
        ``2 + arrays`` float64 arrays of `LANES` elements: the sum of each lane, then copies of that sum and of the
        changed arrays from before the step (see `adamlab.compiler.step_over_blocks`). They take the last places.
    """
    return tuple(aligned(LANES, np.float64, PAGE // LINE - 1 - k) for k in range(2 + arrays))


def aligned_copies(arrays: Any, first_place: int = 0) -> tuple[NDArray[Any], ...]:
    """Return flat copies of several arrays, aligned for one loop.

    Parameters
    ----------
    arrays : iterable of ndarray
        The arrays, of any shape.
    first_place : int
        Place of the first copy (see `aligned`); the others take the next places.

    Returns
    -------
    tuple of ndarray
        The copies, with one axis each.
    """
    copies = []
    for place, array in enumerate(arrays, first_place):
        flat = np.ravel(array)
        copy = aligned(flat.size, flat.dtype, place)
        np.copyto(copy, flat)
        copies.append(copy)
    return tuple(copies)
