"""Simplified AdEMAMix: Morwani et al. 2025 (arXiv:2502.02431)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 beta2 one_minus_beta2 correction2 alpha eps")


@parameters
class SimplifiedAdEMAMix:
    """AdEMAMix with one momentum, a decaying sum of gradients, plus ``alpha`` times the newest gradient.

    Source: Morwani et al. 2025 (arXiv:2502.02431). The momentum is a sum, not a mean, so a step is about
    1 / (1 - beta1) times Adam's; ``eps`` is added to the corrected root. The trajectory equals that of optax's
    simplified_ademamix; pytorch_optimizer's takes a mean, and divides by sqrt(1 - beta2^t) where this leaf multiplies.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    alpha: Annotated[float, Number("α", "[0, inf)")]
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * (1 + h.alpha) * g / (abs(g) + h.eps),
    )

    def coefficients(self, t, beta2_t=1.0):
        """Return the scalars of step ``t`` and the running power of beta2."""
        beta2_t *= self.beta2
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            correction2=1 - beta2_t,
            alpha=self.alpha,
            eps=self.eps,
        )
        return c, (beta2_t,)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate."""
        m = c.beta1 * m + g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        v_hat = v / c.correction2
        return theta - c.lr * (m + c.alpha * g) / (np.sqrt(v_hat) + c.eps), m, v
