"""Random matrices with given eigenvalues."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def symmetric(eigenvalues: ArrayLike, random: np.random.Generator) -> NDArray[np.float64]:
    """Return a symmetric matrix with given eigenvalues and eigenvectors in random directions.

    Parameters
    ----------
    eigenvalues : array_like, shape (d,)
        The eigenvalues, which must not be negative.
    random : numpy.random.Generator
        The source of random numbers.

    Returns
    -------
    ndarray of float64, shape (d, d)
        The matrix, symmetric to the last bit.

    Notes
    -----
    The matrix is Q diag(h) Q^T for eigenvalues h and Q uniform among the orthogonal matrices. Q is the orthogonal
    factor of a matrix of normal numbers, up to the signs of its columns (Mezzadri 2007, arXiv:math-ph/0609050), which
    cancel here.
    """
    root = np.sqrt(np.asarray(eigenvalues, np.float64))
    q, _ = np.linalg.qr(random.standard_normal((root.size, root.size)))
    half = q * root
    # The product of a matrix and its own transpose is symmetric to the last bit.
    symmetric: NDArray[np.float64] = half @ half.T
    return symmetric
