"""The handwritten digits that the learning problems are about: 1,797 images of 8 x 8 pixels in ten classes.

Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (the test set), as scikit-learn bundles it.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

PIXELS, CLASSES = 64, 10
DARKEST = 16.0


@cache
def examples() -> tuple[NDArray[np.float64], ...]:
    """The examples as `adamlab.problems.networks` takes them, read-only: ``(rows, columns, targets)``.

    A row holds the PIXELS pixels of an image, from 0 (white) to 1, and a 1 for the bias.
    """
    # Slow to import, and needed by these problems only.
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    rows = np.column_stack((pixels / DARKEST, np.ones(len(pixels))))
    arrays = rows, np.ascontiguousarray(rows.T), np.ascontiguousarray(np.eye(CLASSES)[labels].T)
    for array in arrays:
        array.flags.writeable = False
    return arrays
