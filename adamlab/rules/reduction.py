"""Sums in one fixed order, the same on every machine, backend and number of threads.

Terms are cut into blocks of `BLOCK`. In a block term ``i`` goes to lane ``i mod LANES``, each lane adds up in order,
and the lanes are added as a balanced tree; the blocks' sums are terms in their turn, until one is left. A compiler can
do that with vectors of any width, and threads block by block, without changing a bit, which a plain loop from left to
right does not allow and a free reordering does not promise. All sums are in float64.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

LANES = 32
BLOCK = 2048


def total(terms: ArrayLike) -> float:
    """The sum of ``terms`` (any shape, float32 or float64), added in float64 in the fixed order."""
    sums = _sums_of_blocks(np.asarray(terms, np.float64).ravel())
    while sums.size > 1:
        sums = _sums_of_blocks(sums)
    return float(sums[0])


def squared_length(x: NDArray[np.floating]) -> float:
    """The squared L2 length of ``x``; elements are taken to float64 before they are squared."""
    x = np.asarray(x, np.float64)
    return total(x * x)


def _sums_of_blocks(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    width = BLOCK if terms.size > BLOCK else max(1, -(-terms.size // LANES)) * LANES
    padded = np.zeros(max(1, -(-terms.size // width)) * width)
    padded[: terms.size] = terms
    lanes = np.add.reduce(padded.reshape(-1, width // LANES, LANES), axis=1)
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    sums: NDArray[np.float64] = lanes[:, 0]
    return sums
