"""Adafactor on a vector: Shazeer & Stern 2018 (arXiv:1804.04235), as in torch."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.reduction import squared_length
from adamlab.rules.symbols import LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "rho beta2_t one_minus_beta2_t eps1 eps2 d decay one")


@parameters
class Adafactor:
    """RMSProp with a decay rate that grows to 1, and steps clipped by their root mean square and scaled by theta's.

    Source: Shazeer & Stern 2018, Algorithm 5 (arXiv:1804.04235): nothing is factored on a vector (``adafactor_matrix``
    does that). ``eps1`` is a lower bound on the root of the second moment; the paper adds it to the squared gradient
    instead. The trajectory equals that of torch's Adafactor.
    """

    lr: LearningRate
    beta2_decay: Annotated[float, Number("τ", "[-1, 0]")]
    eps1: Annotated[float, Number("ε₁", "(0, inf)")]
    eps2: Annotated[float, Number("ε₂", "(0, inf)")]
    d: Annotated[float, Number("d", "[1, inf)")]
    weight_decay: WeightDecay

    acts_on = "vector"
    guarantees = Guarantees(first_step=lambda h, g: -min(h.lr, 1.0) * h.eps2 * g / max(abs(g), h.eps1))

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
    def update(c, g, theta, v):
        """Apply Algorithm 5 to the vector: the step u, clipped, times the size of theta."""
        v = c.beta2_t * v + c.one_minus_beta2_t * (g * g)
        u = g / np.maximum(np.sqrt(v), c.eps1)
        rms_theta, rms_u = np.sqrt(squared_length(theta) / theta.size), np.sqrt(squared_length(u) / theta.size)
        alpha = c.rho * np.maximum(c.eps2, rms_theta) / np.maximum(c.one, rms_u / c.d)
        return c.decay * theta - theta.dtype.type(alpha) * u, v
