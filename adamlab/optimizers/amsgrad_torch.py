"""AMSGrad as in torch: the maximum before the correction; after Reddi, Kale & Kumar 2018 (arXiv:1904.09237)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr_t beta1 one_minus_beta1 beta2 one_minus_beta2 root_correction2 eps")


@parameters
class AMSGradTorch:
    """Adam whose second moment, before bias correction, is replaced by its largest value so far.

    Source: Reddi, Kale & Kumar 2018 (arXiv:1904.09237), and torch's Adam. The paper corrects neither moment; optax
    takes the maximum of the corrected second moment. The trajectory equals that of torch's Adam with amsgrad.
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
        """Return the corrected step size, the root of the second correction, and the running powers of the betas."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        c = Coefficients(
            lr_t=self.lr / (1 - beta1_t),
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            root_correction2=np.sqrt(1 - beta2_t),
            eps=self.eps,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v, v_max):
        """Update one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        v_max = np.maximum(v_max, v)
        return theta - c.lr_t * m / (np.sqrt(v_max) / c.root_correction2 + c.eps), m, v, v_max
