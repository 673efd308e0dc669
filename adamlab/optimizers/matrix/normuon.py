"""NorMuon: Li et al. 2025 (arXiv:2510.05491), as in the authors' code."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.polar_express import Quintic, composed
from adamlab.rules.symbols import Beta2, LearningRate, Momentum, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "lr momentum one_minus_momentum beta2 one_minus_beta2 decay")

# Muon's quintic, five times; SMALL is added to the length before it, SMALLER to both divisors after it (authors' code).
POLYNOMIALS = (Quintic(3.4445, -4.7750, 2.0315),) * 5
SMALL, SMALLER = 1e-7, 1e-10


@parameters
class NorMuon:
    """Muon with each row of the orthogonal step divided by its running root mean square, at the same total length.

    Source: Li et al. 2025 (arXiv:2510.05491) and the authors' code: the step keeps its length and takes Muon's scale
    for tall matrices, where the paper's Algorithm 1 fixes its root mean square at 0.2. It is computed in the array's
    own dtype. The trajectory equals that of the authors' SingleDeviceNorMuon except for its bfloat16.
    """

    lr: LearningRate
    momentum: Momentum
    beta2: Beta2
    weight_decay: WeightDecay

    acts_on = "matrix"
    guarantees = Guarantees()

    def first_state(self, theta):
        """Return zeros for the momentum, and for one second moment per row."""
        return np.zeros_like(theta), np.zeros_like(theta[:, :1])

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        c = Coefficients(
            lr=self.lr,
            momentum=self.momentum,
            one_minus_momentum=1 - self.momentum,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            decay=1 - self.lr * self.weight_decay,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m, v):
        """Update the matrix by Muon's orthogonal step with its rows normalised, at the length it had."""
        m = c.momentum * m + c.one_minus_momentum * g
        u = c.one_minus_momentum * g + c.momentum * m
        orthogonal = composed(POLYNOMIALS, u / (length(u) + SMALL))
        v = c.beta2 * v + c.one_minus_beta2 * np.mean(orthogonal * orthogonal, axis=1, keepdims=True)
        normed = orthogonal / (np.sqrt(v) + SMALLER)
        normed = normed * (length(orthogonal) / (length(normed) + SMALLER))
        rows, columns = theta.shape
        scale = theta.dtype.type(np.sqrt(max(1, rows / columns)))
        return c.decay * theta - c.lr * scale * normed, m, v


def length(x):
    """Return the Frobenius norm of ``x``."""
    return np.sqrt(np.sum(x * x))
