"""Adam as printed: Kingma & Ba 2015, Algorithm 1 (arXiv:1412.6980)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps")


@parameters
class Adam:
    """Step along the running mean of the gradient over its running root mean square, both bias-corrected.

    Source: Kingma & Ba 2015, Algorithm 1 (arXiv:1412.6980). ``eps`` is added to the root of the corrected second
    moment. The trajectory equals that of torch's, optax's and pytorch_optimizer's Adam.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps),
        step_bound=lambda h: h.lr * longest_ratio(h.beta1, h.beta2),
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
    def update(c, g, theta, m, v):
        """Apply Algorithm 1 to one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        m_hat = m / c.correction1
        v_hat = v / c.correction2
        return theta - c.lr * m_hat / (np.sqrt(v_hat) + c.eps), m, v
