"""AdamH: Wen et al. 2026 (arXiv:2606.16899)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.reduction import squared_length
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps zero one"
)


@parameters
class AdamH:
    """Adam on a sphere: a step of lr times the parameters' length along Adam's direction, and back to that length.

    Source: Wen et al. 2026, Hyperball optimization with Adam inside (arXiv:2606.16899). The length is that before the
    step, which is the start's; a start of zero stays. Equals the trajectory of the authors' code in Levanter
    (``scale_by_adamh``).
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    acts_on = "vector"
    guarantees = Guarantees(scale_invariant=True)

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """What step ``t`` has in common for every coordinate, and the running powers of beta1 and beta2."""
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
            zero=0.0,
            one=1.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """The whole vector: Adam's direction u at theta's length, and the result at that length again."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        u = (m / c.correction1) / (np.sqrt(v / c.correction2) + c.eps)
        length, step = np.sqrt(squared_length(theta)), np.sqrt(squared_length(u))
        moved = theta - theta.dtype.type(c.lr * length / np.where(step > c.zero, step, c.one)) * u
        reached = np.sqrt(squared_length(moved))
        return theta.dtype.type(length / np.where(reached > c.zero, reached, c.one)) * moved, m, v
