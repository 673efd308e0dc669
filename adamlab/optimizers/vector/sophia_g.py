"""Sophia-G: Liu et al. 2023 (arXiv:2305.14342)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2_t one_minus_beta2_t rho eps decay one")


@parameters
class SophiaG:
    """Step along the mean gradient over a mean of the Hessian's diagonal, by at most lr in each coordinate.

    Source: Liu et al. 2023, Algorithm 3 (arXiv:2305.14342). The square of the gradient, on a batch of one, stands in
    for the Gauss-Newton-Bartlett estimate of the diagonal, taken at step 1 and every ``update_interval`` steps after.
    ``eps`` is added to rho h, as in the authors' code; the paper takes the maximum of the two. The trajectory equals
    that of the authors' SophiaG with ``bs`` 1.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    rho: Annotated[float, Number("ρ", "(0, inf)")]
    eps: Epsilon
    weight_decay: WeightDecay
    update_interval: Annotated[float, Number("k", "[1, inf)")]

    acts_on = "vector"
    guarantees = Guarantees(
        first_step=lambda h, g: (
            -h.lr * min(max((1 - h.beta1) * g / (h.rho * (1 - h.beta2) * (g * g) + h.eps), -1.0), 1.0)
        ),
        step_bound=lambda h: h.lr,
    )

    def coefficients(self, t):
        """Return the scalars of step ``t``; between two estimates of the diagonal, its mean does not change."""
        estimate = (t - 1) % self.update_interval == 0
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2_t=self.beta2 if estimate else 1.0,
            one_minus_beta2_t=1 - self.beta2 if estimate else 0.0,
            rho=self.rho,
            eps=self.eps,
            decay=1 - self.lr * self.weight_decay,
            one=1.0,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m, h):
        """Update the vector by Newton's step for the diagonal, clipped."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        h = c.beta2_t * h + c.one_minus_beta2_t * g * g
        u = np.minimum(np.maximum(m / (c.rho * h + c.eps), -c.one), c.one)
        return c.decay * theta - c.lr * u, m, h
