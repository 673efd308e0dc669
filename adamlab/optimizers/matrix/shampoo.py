"""Shampoo: Gupta, Koren & Singer 2018 (arXiv:1802.09568)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, Number, parameters

Coefficients = namedtuple("Coefficients", "lr eps")


@parameters
class Shampoo:
    """AdaGrad with a whole matrix for the rows of the gradient and one for its columns, each to the power -1/4.

    Source: Gupta, Koren & Singer 2018, Algorithm 1 (arXiv:1802.09568), without momentum. Equals the trajectory of
    pytorch_optimizer's Shampoo.
    """

    lr: LearningRate
    eps: Annotated[float, Number("ε", "(0, inf)")]

    acts_on = "matrix"
    guarantees = Guarantees(rotation_equivariant=True)

    def first_state(self, theta):
        """``eps`` on the diagonal of both."""
        rows, columns = theta.shape
        return self.eps * np.eye(rows), self.eps * np.eye(columns)

    def coefficients(self, t):
        """The hyperparameters; nothing changes from step to step."""
        return Coefficients(lr=self.lr, eps=self.eps), ()

    @staticmethod
    def update(c, g, theta, left, right):
        """The whole matrix of Algorithm 1."""
        left = left + g @ g.T
        right = right + g.T @ g
        return theta - c.lr * (inverse_fourth_root(left, c.eps) @ g @ inverse_fourth_root(right, c.eps)), left, right


def inverse_fourth_root(matrix, least):
    """``matrix`` to the power -1/4; its eigenvalues, which rounding may have made smaller, are ``least`` at least."""
    if not np.all(np.isfinite(matrix)):
        return np.full_like(matrix, np.nan)
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, least) ** -0.25) @ vectors.T
