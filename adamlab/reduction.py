"""Sums in one fixed order, the same on every machine and backend.

Term ``i`` goes to lane ``i mod LANES``, each lane adds up in order, and the lanes are added as a balanced tree.
A compiler can do that with vectors of any width without changing a bit, which a plain loop from left to right
does not allow and a free reordering does not promise. All sums are in float64.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

LANES = 32


def total(terms: ArrayLike) -> float:
    """The sum of ``terms`` (any shape, float32 or float64), added in float64 in the fixed order."""
    terms = np.asarray(terms).ravel()
    padded = np.zeros(-(-terms.size // LANES) * LANES)
    padded[: terms.size] = terms
    return _tree(padded)


def squared_length(x: NDArray[np.floating]) -> float:
    """The squared L2 length of ``x``; elements are taken to float64 before they are squared."""
    x = np.asarray(x, np.float64)
    return total(x * x)


def _tree(padded: NDArray[np.float64]) -> float:
    lanes = np.add.reduce(padded.reshape(-1, LANES), axis=0)
    while lanes.size > 1:
        half = lanes.size // 2
        lanes = lanes[:half] + lanes[half:]
    return float(lanes[0])
