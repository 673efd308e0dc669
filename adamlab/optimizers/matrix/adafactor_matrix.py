"""Adafactor on a matrix: Shazeer & Stern 2018 (arXiv:1804.04235), as in torch."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "rho beta2_t one_minus_beta2_t eps1 eps2 d decay one")


@parameters
class AdafactorMatrix:
    """RMSProp with a second moment factored into row and column means, and steps relative to the size of theta.

    Source: Shazeer & Stern 2018, Algorithm 4 (arXiv:1804.04235). ``eps1`` is a lower bound on the mean of the rows and
    on the root of the second moment; the paper adds it to the squared gradient instead. The trajectory equals that of
    torch's Adafactor.
    """

    lr: LearningRate
    beta2_decay: Annotated[float, Number("τ", "[-1, 0]")]
    eps1: Annotated[float, Number("ε₁", "(0, inf)")]
    eps2: Annotated[float, Number("ε₂", "(0, inf)")]
    d: Annotated[float, Number("d", "[1, inf)")]
    weight_decay: WeightDecay

    acts_on = "matrix"
    guarantees = Guarantees()

    def first_state(self, theta):
        """Return a zero second moment for each row, and one for each column."""
        return np.zeros_like(theta[:, :1]), np.zeros_like(theta[:1])

    def coefficients(self, t):
        """Return the scalars of step ``t``, with the relative step size rho_t and the decay rate."""
        one_minus_beta2_t = t**self.beta2_decay
        c = Coefficients(
            rho=min(self.lr, 1 / t**0.5),
            beta2_t=1 - one_minus_beta2_t,
            one_minus_beta2_t=one_minus_beta2_t,
            eps1=self.eps1,
            eps2=self.eps2,
            d=self.d,
            decay=1 - self.lr * self.weight_decay,
            one=1.0,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, rows, columns):
        """Apply Algorithm 4 to the matrix: the step u, clipped, times the size of theta."""
        rows = c.beta2_t * rows + c.one_minus_beta2_t * np.mean(g * g, axis=1, keepdims=True)
        columns = c.beta2_t * columns + c.one_minus_beta2_t * np.mean(g * g, axis=0, keepdims=True)
        v = rows * columns / np.maximum(np.mean(rows), c.eps1)
        u = g / np.maximum(np.sqrt(v), c.eps1)
        alpha = c.rho * np.maximum(c.eps2, root_mean_square(theta)) / np.maximum(c.one, root_mean_square(u) / c.d)
        return c.decay * theta - alpha * u, rows, columns


def root_mean_square(x):
    """Return the root mean square of the entries of ``x``."""
    return np.sqrt(np.mean(x * x))
