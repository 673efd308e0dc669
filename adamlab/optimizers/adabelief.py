"""AdaBelief: Zhuang et al. 2020 (arXiv:2010.07468)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps")


@parameters
class AdaBelief:
    """Adam whose second moment is that of the gradient's deviation from its running mean, (g - m)^2.

    Source: Zhuang et al. 2020, Algorithm 2 (arXiv:2010.07468). ``eps`` is added twice: into the state at every step,
    where it accumulates, and to the root. The trajectory equals that of optax's adabelief (with ``eps_root`` = eps),
    and of pytorch_optimizer's and the authors' AdaBelief without rectification.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / ((h.beta1**2 * g**2 + h.eps / (1 - h.beta2)) ** 0.5 + h.eps),
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
            eps=self.eps,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, s):
        """Apply Algorithm 2 to one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        s = c.beta2 * s + c.one_minus_beta2 * ((g - m) * (g - m)) + c.eps
        m_hat = m / c.correction1
        s_hat = s / c.correction2
        return theta - c.lr * m_hat / (np.sqrt(s_hat) + c.eps), m, s
