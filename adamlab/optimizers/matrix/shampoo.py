"""Shampoo: Gupta, Koren & Singer 2018 (arXiv:1802.09568)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, Number, parameters

Coefficients = namedtuple("Coefficients", "lr eps")


@parameters
class Shampoo:
    """AdaGrad with a full matrix for the rows of the gradient and one for its columns, each to the power -1/4.

    Source: Gupta, Koren & Singer 2018, Algorithm 1 (arXiv:1802.09568), without momentum. The trajectory equals that of
    pytorch_optimizer's Shampoo.
    """

    lr: LearningRate
    eps: Annotated[float, Number("ε", "(0, inf)")]

    acts_on = "matrix"
    guarantees = Guarantees(rotation_equivariant=True)

    def first_state(self, theta):
        """Return both matrices, ``eps`` times the identity."""
        rows, columns = theta.shape
        return self.eps * np.eye(rows), self.eps * np.eye(columns)

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        return Coefficients(lr=self.lr, eps=self.eps), ()

    @staticmethod
    def update(c, g, theta, left, right):
        """Apply Algorithm 1 to the matrix."""
        left = left + g @ g.T
        right = right + g.T @ g
        return theta - c.lr * (inverse_fourth_root(left, c.eps) @ g @ inverse_fourth_root(right, c.eps)), left, right


def inverse_fourth_root(matrix, least):
    """Return ``matrix`` to the power -1/4; eigenvalues that rounding made too small are raised to ``least``."""
    if not np.all(np.isfinite(matrix)):
        return np.full_like(matrix, np.nan)
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, least) ** -0.25) @ vectors.T
