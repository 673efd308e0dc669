"""RAdam as in optax: after Liu et al. 2020 (arXiv:1908.03265)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple(
    "Coefficients", "lr_t beta1 one_minus_beta1 beta2 one_minus_beta2 correction2 eps rectified zero one"
)


@parameters
class RAdamOptax:
    """RAdam with its epsilon added to the root of the corrected second moment, as in Adam.

    Source: Liu et al. 2020, Algorithm 2 (arXiv:1908.03265), and optax's radam. torch's RAdam adds ``eps`` to the root
    of the uncorrected second moment. The trajectory equals that of optax's radam.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    guarantees = Guarantees(first_step=lambda h, g: -h.lr * g)

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0, weights=0.0, ages=0.0):
        """Return the step size, rectified if rho > 5, the running powers, and the sums that rho is computed from."""
        weights += beta2_t
        ages += t * beta2_t
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        # The paper's rho_inf - 2 t beta2^t / (1 - beta2^t), without its cancellation.
        rho = 2 * ages / weights - 1
        rho_inf = 2 / (1 - self.beta2) - 1
        rectified = 0.0
        lr_t = self.lr / (1 - beta1_t)
        if rho > 5:
            rectified = 1.0
            lr_t *= np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
        c = Coefficients(
            lr_t=lr_t,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            correction2=1 - beta2_t,
            eps=self.eps,
            rectified=rectified,
            zero=0.0,
            one=1.0,
        )
        return c, (beta1_t, beta2_t, weights, ages)

    @staticmethod
    def update(c, g, theta, m, v):
        """Apply Algorithm 2 to one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        denominator = np.where(c.rectified > c.zero, np.sqrt(v / c.correction2) + c.eps, c.one)
        return theta - c.lr_t * m / denominator, m, v
