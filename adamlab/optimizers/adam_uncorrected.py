"""Adam without bias correction: the ablation of Kingma & Ba 2015, section 6.4 (arXiv:1412.6980)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 eps")


@parameters
class AdamUncorrected:
    """Adam without bias correction: both moments stay biased towards their start at zero.

    Source: Kingma & Ba 2015, section 6.4 (arXiv:1412.6980). The second moment is short by more than the first, so
    early steps are longer than Adam's: the first by the factor (1 - beta1) / sqrt(1 - beta2).
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
    def update(c, g, theta, m, v):
        """Apply Algorithm 1 without its bias corrections to one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        return theta - c.lr * m / (np.sqrt(v) + c.eps), m, v
