"""Random matrices with given spectra."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def symmetric(eigenvalues: ArrayLike, random: np.random.Generator) -> NDArray[np.float64]:
    """A symmetric matrix with these eigenvalues (not negative, shape (d,)) and eigenvectors in random directions.

    Q diag(h) Q^T for Q uniform among the rotations: the orthogonal factor of a normal matrix, up to the signs of its
    columns (Mezzadri 2007, arXiv:math-ph/0609050), which cancel here.
    """
    root = np.sqrt(np.asarray(eigenvalues, np.float64))
    q, _ = np.linalg.qr(random.standard_normal((root.size, root.size)))
    half = q * root
    # A product of a matrix and its own transpose is symmetric to the last bit.
    symmetric: NDArray[np.float64] = half @ half.T
    return symmetric
