"""Yogi: Zaheer et al. 2018."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 one_minus_beta2 correction1 correction2 eps")


def _first_step(h, g):
    m_hat = g + h.beta1 / (1 - h.beta1) * h.initial
    v = h.initial - (1 - h.beta2) * np.sign(h.initial - g * g) * g * g
    return -h.lr * m_hat / ((v / (1 - h.beta2)) ** 0.5 + h.eps)


@parameters
class Yogi:
    """Adam whose second moment rises or falls by (1 - beta2) g^2 at each step, so that it never changes fast.

    Source: Zaheer et al. 2018, "Adaptive methods for nonconvex optimization", Algorithm 2, with the bias corrections
    of the libraries. Both moments start at ``initial`` (the paper leaves the start open), so a zero gradient moves
    theta unless ``initial`` is 0. The trajectory equals that of optax's yogi and pytorch_optimizer's Yogi.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    initial: Annotated[float, Number("v₀", "[0, inf)")]

    guarantees = Guarantees(first_step=_first_step)

    def first_state(self, theta):
        """Return both moments, filled with ``initial``."""
        return np.full_like(theta, self.initial), np.full_like(theta, self.initial)

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """Return the scalars of step ``t`` and the running powers of beta1 and beta2."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            one_minus_beta2=1 - self.beta2,
            correction1=1 - beta1_t,
            correction2=1 - beta2_t,
            eps=self.eps,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Apply Algorithm 2 to one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = v - c.one_minus_beta2 * np.sign(v - g * g) * (g * g)
        m_hat = m / c.correction1
        v_hat = v / c.correction2
        return theta - c.lr * m_hat / (np.sqrt(v_hat) + c.eps), m, v
