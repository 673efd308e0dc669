"""Adam, reordered: the efficient form of Kingma & Ba 2015, section 2 (arXiv:1412.6980)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr_t beta1 one_minus_beta1 beta2 one_minus_beta2 eps")


@parameters
class AdamReordered:
    """Adam with both bias corrections moved into the step size, which leaves one division per coordinate.

    Source: Kingma & Ba 2015, end of section 2 (arXiv:1412.6980). ``eps`` is the paper's epsilon-hat: it is added to
    the root of the uncorrected second moment, so early steps are shorter than those of Algorithm 1.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps / (1 - h.beta2) ** 0.5),
        step_bound=lambda h: h.lr * longest_ratio(h.beta1, h.beta2),
    )

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """Return the step size alpha_t, the decay rates, and the running powers of beta1 and beta2."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        c = Coefficients(
            lr_t=self.lr * np.sqrt(1 - beta2_t) / (1 - beta1_t),
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            eps=self.eps,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate from the uncorrected moments."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        return theta - c.lr_t * m / (np.sqrt(v) + c.eps), m, v
