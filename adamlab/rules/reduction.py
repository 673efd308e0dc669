"""Sums in one fixed order, which is the same on every machine, backend and number of threads.

The terms are divided into blocks of `BLOCK`. Within a block, term ``i`` goes to lane ``i mod LANES``, each lane is
added in order, and the lanes are added as a balanced tree. The sums of the blocks are added in the same way, until
one number is left. A compiler can use vectors of any width for this, and threads can each take whole blocks, without
changing a bit. A plain loop from left to right does not allow that, and a free reordering of the terms does not
guarantee the same bits. All sums are in float64.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

LANES = 32
BLOCK = 2048


def total(terms: ArrayLike) -> float:
    """Return the sum of ``terms``, added in float64 in the fixed order.

    Parameters
    ----------
    terms : array_like
        Numbers of any shape, float32 or float64.

    Returns
    -------
    float
        The sum.
    """
    sums = _sums_of_blocks(np.asarray(terms, np.float64).ravel())
    while sums.size > 1:
        sums = _sums_of_blocks(sums)
    return float(sums[0])


def squared_length(x: NDArray[np.floating]) -> float:
    """Return the squared L2 length of ``x``.

    Parameters
    ----------
    x : ndarray
        An array of any shape; its elements are converted to float64 before they are squared.

    Returns
    -------
    float
        The sum of the squares in the fixed order.
    """
    x = np.asarray(x, np.float64)
    return total(x * x)


def _sums_of_blocks(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each block of a flat array."""
    width = BLOCK if terms.size > BLOCK else max(1, -(-terms.size // LANES)) * LANES
    padded = np.zeros(max(1, -(-terms.size // width)) * width)
    padded[: terms.size] = terms
    lanes = np.add.reduce(padded.reshape(-1, width // LANES, LANES), axis=1)
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    sums: NDArray[np.float64] = lanes[:, 0]
    return sums
