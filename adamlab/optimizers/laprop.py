"""LaProp: Ziyin, Wang & Ueda 2020 (arXiv:2002.04839)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps")


@parameters
class LaProp:
    """Momentum of normalized gradients, whereas Adam normalizes the momentum of gradients.

    Source: Ziyin, Wang & Ueda 2020, Algorithm 1 (arXiv:2002.04839), with ``eps`` added to the root of the corrected
    second moment, as in the authors' code. The trajectory equals that of the authors' LaProp; pytorch_optimizer's adds
    ``eps`` to the uncorrected root, and 1e-15 inside it.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps),
        step_bound=lambda h: h.lr / (1 - h.beta2) ** 0.5,
    )

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """Return the scalars of step ``t`` and the running powers of beta1 and beta2."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            correction1=1 - beta1_t,
            correction2=1 - beta2_t,
            eps=self.eps,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Apply Algorithm 1 to one coordinate."""
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        v_hat = v / c.correction2
        m = c.beta1 * m + c.one_minus_beta1 * (g / (np.sqrt(v_hat) + c.eps))
        return theta - c.lr * (m / c.correction1), m, v
