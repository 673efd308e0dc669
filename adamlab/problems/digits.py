"""Handwritten digits, the data of the learning problems: 1,797 images of 8 x 8 pixels in ten classes.

Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (the test set), as scikit-learn bundles it.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

PIXELS, CLASSES = 64, 10
DARKEST = 16.0


@cache
def examples() -> tuple[NDArray[np.float64], ...]:
    """Return the examples in the form that `adamlab.problems.networks` takes.

    Returns
    -------
    rows : ndarray of float64, shape (1797, PIXELS + 1)
        One image per row: its pixels from 0 (white) to 1, and a 1 for the bias.
    columns : ndarray of float64, shape (PIXELS + 1, 1797)
        The transpose of ``rows``.
    targets : ndarray of float64, shape (CLASSES, 1797)
        The labels, as a 1 in each column.

    Notes
    -----
    The arrays are contiguous and read-only.
    """
    # Imported here because scikit-learn is slow to import, and only these problems need it.
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    rows = np.column_stack((pixels / DARKEST, np.ones(len(pixels))))
    arrays = rows, np.ascontiguousarray(rows.T), np.ascontiguousarray(np.eye(CLASSES)[labels].T)
    for array in arrays:
        array.flags.writeable = False
    return arrays
