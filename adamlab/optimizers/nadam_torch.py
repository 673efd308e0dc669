"""Nadam with Dozat's momentum schedule, as in torch: Dozat 2016."""

from collections import namedtuple
from typing import Annotated, Any

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 m_weight g_weight correction2 eps"
)


def _first_weight(h: Any) -> Any:
    """Return the weight of g in the look-ahead of step 1."""
    mu, mu_next = (h.beta1 * (1 - 0.96 ** (t * h.momentum_decay) / 2) for t in (1, 2))
    return 1 + mu_next * (1 - h.beta1) / (1 - mu * mu_next)


@parameters
class NadamTorch:
    """Nadam whose momentum grows from about half of beta1 towards beta1.

    Source: Dozat 2016 (ICLR workshop), Algorithm 2, and torch's NAdam. The schedule enters the look-ahead only: the
    first moment decays by beta1. The second moment is corrected as in Adam. The trajectory equals that of torch's
    NAdam (in float64 if that is torch's default dtype), which is also pytorch_optimizer's.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    momentum_decay: Annotated[float, Number("ψ", "[0, inf)")]

    # Not the least bound: the weight of g is at most 1 and, as mu <= beta1, m's at most beta1 / (1 - beta1^(t + 1)).
    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * _first_weight(h) * g / (abs(g) + h.eps),
        step_bound=lambda h: h.lr * (1 / (1 - h.beta2) ** 0.5 + h.beta1 * longest_ratio(h.beta1, h.beta2)),
    )

    def coefficients(self, t, mu_product=1.0, beta2_t=1.0, schedule=1.0, base=0.96):
        """Return the weights of m and g, where mu is beta1 (1 - 0.96^(t psi) / 2), and the running products."""
        factor = base**self.momentum_decay
        schedule *= factor
        mu = self.beta1 * (1 - schedule / 2)
        mu_next = self.beta1 * (1 - schedule * factor / 2)
        mu_product *= mu
        beta2_t *= self.beta2
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            m_weight=mu_next / (1 - mu_product * mu_next),
            g_weight=(1 - mu) / (1 - mu_product),
            correction2=1 - beta2_t,
            eps=self.eps,
        )
        return c, (mu_product, beta2_t, schedule, base)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate by a step that looks one step of momentum ahead."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        m_hat = c.m_weight * m + c.g_weight * g
        v_hat = v / c.correction2
        return theta - c.lr * m_hat / (np.sqrt(v_hat) + c.eps), m, v
