"""AdEMAMix: Pagliardini, Ablin & Grangier 2024 (arXiv:2409.03137)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients",
    "lr beta1 one_minus_beta1 beta2 one_minus_beta2 beta3 one_minus_beta3 correction1 correction2 alpha eps"
    " weight_decay",
)


@parameters
class AdEMAMix:
    """AdamW whose step adds ``alpha`` times a second, much slower running mean of the gradient.

    Source: Pagliardini, Ablin & Grangier 2024, Algorithm 1 (arXiv:2409.03137), without its schedules for alpha and
    beta3. The slow mean is not bias-corrected; ``eps`` is added to the corrected root. The trajectory equals that of
    optax's and the authors' AdEMAMix, and of pytorch_optimizer's with ``weight_decouple`` on.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    beta3: Annotated[float, Number("β₃", "[0, 1)")]
    alpha: Annotated[float, Number("α", "[0, inf)")]
    eps: Epsilon
    weight_decay: WeightDecay

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * (1 + h.alpha * (1 - h.beta3)) * g / (abs(g) + h.eps),
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
            beta3=self.beta3,
            one_minus_beta3=1 - self.beta3,
            correction1=1 - beta1_t,
            correction2=1 - beta2_t,
            alpha=self.alpha,
            eps=self.eps,
            weight_decay=self.weight_decay,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, m_slow, v):
        """Apply Algorithm 1 to one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        m_slow = c.beta3 * m_slow + c.one_minus_beta3 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        m_hat = m / c.correction1
        v_hat = v / c.correction2
        u = (m_hat + c.alpha * m_slow) / (np.sqrt(v_hat) + c.eps)
        return theta - c.lr * (u + c.weight_decay * theta), m, m_slow, v
