"""Adam-atan2: Everett et al. 2024 (arXiv:2407.05872)."""

import math
from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, LearningRate, Number, parameters

Coefficients = namedtuple(
    "Coefficients",
    "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 A B"
    " k3 k5 k7 k9 k11 k13 k15 eight half_pi zero one",
)


@parameters
class AdamAtan2:
    """Adam with the quotient of the two moments replaced by their arctangent (atan2), which needs no epsilon.

    Source: Everett et al. 2024 (arXiv:2407.05872), with the two constants of the common code (lucidrains'): the step
    is lr A atan2(m_hat, B sqrt(v_hat)), and 0 where both are 0. The trajectory equals that of this code. The
    arctangent is computed by elementary operations, to within a few units in the last place, because the last bits of
    arctan2 differ between libraries.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    A: Annotated[float, Number("a", "(0, inf)")]
    B: Annotated[float, Number("b", "(0, inf)")]

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * h.A * math.atan2(g, h.B * abs(g)),
        step_bound=lambda h: h.lr * h.A * math.atan(longest_ratio(h.beta1, h.beta2) / h.B),
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
            A=self.A,
            B=self.B,
            k3=1 / 3,
            k5=1 / 5,
            k7=1 / 7,
            k9=1 / 9,
            k11=1 / 11,
            k13=1 / 13,
            k15=1 / 15,
            eight=8.0,
            half_pi=np.pi / 2,
            zero=0.0,
            one=1.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate; the angle or its complement is halved three times, then taken from Taylor's series."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        y, x = np.abs(m / c.correction1), c.B * np.sqrt(v / c.correction2)

        larger = np.maximum(y, x)
        s = np.minimum(y, x) / np.where(larger > c.zero, larger, c.one)
        s = s / (c.one + np.sqrt(c.one + s * s))
        s = s / (c.one + np.sqrt(c.one + s * s))
        s = s / (c.one + np.sqrt(c.one + s * s))
        q = s * s
        tail = q * (c.k3 - q * (c.k5 - q * (c.k7 - q * (c.k9 - q * (c.k11 - q * (c.k13 - q * c.k15))))))
        angle = c.eight * (s - s * tail)
        angle = np.where(y > x, c.half_pi - angle, angle)
        return theta - c.lr * c.A * (np.sign(m) * angle), m, v
