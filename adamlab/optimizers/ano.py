"""Ano: Kegreisz 2025 (arXiv:2508.18258)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction2 eps")


@parameters
class Ano:
    """Step against the sign of the momentum, by the normalized magnitude of the newest gradient.

    Source: Kegreisz 2025, Algorithm 1 (arXiv:2508.18258, version 2). The second moment is Yogi's, which here also
    decays by ``beta2``; it starts at 0, is bias-corrected, and cannot become negative while beta2 is above one half.
    The trajectory equals that of pytorch_optimizer's Ano.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Annotated[float, Number("β₂", "(0.5, 1)")]
    eps: Epsilon

    # After a step v is at least (1 - beta2) g^2 if it was below g^2, and (2 beta2 - 1) g^2 if it was above.
    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps),
        step_bound=lambda h: h.lr / min(1 - h.beta2, 2 * h.beta2 - 1) ** 0.5,
    )

    def coefficients(self, t, beta2_t=1.0):
        """Return the scalars of step ``t`` and the running power of beta2."""
        beta2_t *= self.beta2
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            correction2=1 - beta2_t,
            eps=self.eps,
        )
        return c, (beta2_t,)

    @staticmethod
    def update(c, g, theta, m, v):
        """Apply Algorithm 1 to one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v - c.one_minus_beta2 * np.sign(v - g * g) * (g * g)
        v_hat = v / c.correction2
        return theta - c.lr * np.abs(g) * np.sign(m) / (np.sqrt(v_hat) + c.eps), m, v
