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
    """Adam on a sphere: step by lr times the parameters' length along Adam's direction, then rescale to that length.

    Source: Wen et al. 2026, Hyperball optimization with Adam inside (arXiv:2606.16899). The length is that before the
    step, and so that of the start; a start of zero stays zero. The trajectory equals that of the authors' code in
    Levanter (``scale_by_adamh``).
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    acts_on = "vector"
    guarantees = Guarantees(scale_invariant=True)

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
            zero=0.0,
            one=1.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update the vector by Adam's direction u scaled to theta's length, and rescale the result to that length."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        u = (m / c.correction1) / (np.sqrt(v / c.correction2) + c.eps)
        length, step = np.sqrt(squared_length(theta)), np.sqrt(squared_length(u))
        moved = theta - theta.dtype.type(c.lr * length / np.where(step > c.zero, step, c.one)) * u
        reached = np.sqrt(squared_length(moved))
        return theta.dtype.type(length / np.where(reached > c.zero, reached, c.one)) * moved, m, v
