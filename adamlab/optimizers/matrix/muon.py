"""Muon: Jordan et al. 2024, as in the author's code."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, Momentum, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "lr momentum one_minus_momentum decay")

# An odd quintic replaces that of Newton-Schulz: five of them bring every singular value near 1 (author's code).
STEPS, A, B, C = 5, 3.4445, -4.7750, 2.0315
SMALL = 1e-7


@parameters
class Muon:
    """Step along the momentum made orthogonal: the same singular vectors, with all singular values near 1.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", and the author's code. The
    quintic is computed in the array's own dtype; torch and the author use bfloat16.
    """

    lr: LearningRate
    momentum: Momentum
    weight_decay: WeightDecay

    acts_on = "matrix"
    guarantees = Guarantees(rotation_equivariant=True)

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        c = Coefficients(
            lr=self.lr,
            momentum=self.momentum,
            one_minus_momentum=1 - self.momentum,
            decay=1 - self.lr * self.weight_decay,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m):
        """Update the matrix by its Nesterov momentum, orthogonalized and scaled for tall matrices."""
        m = c.momentum * m + c.one_minus_momentum * g
        u = c.one_minus_momentum * g + c.momentum * m
        rows, columns = theta.shape
        scale = theta.dtype.type(np.sqrt(max(1, rows / columns)))
        return c.decay * theta - c.lr * scale * orthogonalized(u), m


def orthogonalized(u):
    """Return ``u`` with its singular values brought near 1, by products of matrices alone."""
    x = u.T if u.shape[0] > u.shape[1] else u
    x = x / (np.sqrt(np.sum(x * x)) + SMALL)
    for _ in range(STEPS):
        gram = x @ x.T
        x = A * x + (B * gram + C * (gram @ gram)) @ x
    return x.T if u.shape[0] > u.shape[1] else x
