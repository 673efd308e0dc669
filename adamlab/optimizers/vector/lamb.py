"""LAMB: You et al. 2020 (arXiv:1904.00962)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.reduction import squared_length
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps weight_decay zero one"
)


@parameters
class LAMB:
    """Step along Adam's direction, by the learning rate times the parameters' own length.

    Source: You et al. 2020, Algorithm 2 (arXiv:1904.00962), with bias correction and the identity for phi. The
    trajectory equals that of optax's lamb. Where one of the two lengths is zero, the ratio is 1, as in optax.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay

    acts_on = "vector"
    guarantees = Guarantees()

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
            weight_decay=self.weight_decay,
            zero=0.0,
            one=1.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update the vector by Adam's direction with decay, times the ratio of the two lengths."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        u = (m / c.correction1) / (np.sqrt(v / c.correction2) + c.eps) + c.weight_decay * theta
        length, step = np.sqrt(squared_length(theta)), np.sqrt(squared_length(u))
        both = (length > c.zero) & (step > c.zero)
        ratio = theta.dtype.type(np.where(both, length / np.where(both, step, c.one), c.one))
        return theta - c.lr * ratio * u, m, v
