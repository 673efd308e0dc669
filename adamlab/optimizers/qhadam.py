"""QHAdam: Ma & Yarats 2019 (arXiv:1810.06801)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple(
    "Coefficients",
    "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 nu1 one_minus_nu1 nu2 one_minus_nu2 eps",
)


def _longest_step(h):
    """Bound a step by Cauchy and Schwarz, from the weights of past gradients in both means; see `longest_ratio`."""
    if h.nu2 == 0 or h.beta2 == 0 or h.beta1**2 >= h.beta2:
        return np.inf
    now = (1 - h.nu1 * h.beta1) ** 2 / (1 - h.nu2 * h.beta2)
    before = (h.nu1 * (1 - h.beta1)) ** 2 / (h.nu2 * (1 - h.beta2)) * h.beta1**2 / (h.beta2 - h.beta1**2)
    return h.lr * (now + before) ** 0.5


@parameters
class QHAdam:
    """Adam with each moment replaced by a weighted mean of the moment and the newest gradient (or its square).

    Source: Ma & Yarats 2019, section 5 (arXiv:1810.06801). With nu1 = nu2 = 1 this is Adam. The trajectory equals that
    of the authors' QHAdam; pytorch_optimizer's keeps the weights of the two means in float32.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    nu1: Annotated[float, Number("ν₁", "[0, 1]")]
    nu2: Annotated[float, Number("ν₂", "[0, 1]")]
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps),
        step_bound=_longest_step,
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
            nu1=self.nu1,
            one_minus_nu1=1 - self.nu1,
            nu2=self.nu2,
            one_minus_nu2=1 - self.nu2,
            eps=self.eps,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        m_hat = m / c.correction1
        v_hat = v / c.correction2
        u = c.one_minus_nu1 * g + c.nu1 * m_hat
        return theta - c.lr * u / (np.sqrt(c.one_minus_nu2 * (g * g) + c.nu2 * v_hat) + c.eps), m, v
