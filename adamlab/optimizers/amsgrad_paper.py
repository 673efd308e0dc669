"""AMSGrad as published: Reddi, Kale & Kumar 2018, Algorithm 2 (arXiv:1904.09237)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 eps")


@parameters
class AMSGradPaper:
    """Adam whose second moment never decreases, so that the effective step size never grows.

    Source: Reddi, Kale & Kumar 2018, Algorithm 2 (arXiv:1904.09237), without bias correction, as in the paper.
    Libraries differ: torch takes the maximum before correcting the second moment, optax after.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * (1 - h.beta1) * g / ((1 - h.beta2) ** 0.5 * abs(g) + h.eps),
        step_bound=lambda h: h.lr * longest_ratio(h.beta1, h.beta2),
    )

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            eps=self.eps,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m, v, v_max):
        """Apply Algorithm 2 to one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        v_max = np.maximum(v_max, v)
        return theta - c.lr * m / (np.sqrt(v_max) + c.eps), m, v, v_max
