"""Nadam without a momentum schedule, with decoupled weight decay: after Dozat 2016 and arXiv:1711.05101."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 m_weight g_weight correction2 eps decay"
)


@parameters
class NadamW:
    """Nadam with decoupled weight decay, which does not enter the moments.

    Source: Dozat 2016 (ICLR workshop), Algorithm 2 with a constant mu, and Loshchilov & Hutter 2019
    (arXiv:1711.05101); the decay is multiplied by the learning rate. The trajectory equals that of optax's nadamw.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay

    # Not the least bound: the weight of m is below beta1 / (1 - beta1^t), and the term in g is one term of m_hat.
    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * (1 + h.beta1 / (1 + h.beta1)) * g / (abs(g) + h.eps),
        step_bound=lambda h: h.lr * (1 + h.beta1) * longest_ratio(h.beta1, h.beta2),
    )

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """Return the weights of m and g, corrected for steps t + 1 and t, and the running powers of beta1 and beta2."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            m_weight=self.beta1 / (1 - beta1_t * self.beta1),
            g_weight=(1 - self.beta1) / (1 - beta1_t),
            correction2=1 - beta2_t,
            eps=self.eps,
            decay=1 - self.lr * self.weight_decay,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate: the decay, then a step that looks one step of momentum ahead."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        m_hat = c.m_weight * m + c.g_weight * g
        v_hat = v / c.correction2
        return c.decay * theta - c.lr * m_hat / (np.sqrt(v_hat) + c.eps), m, v
