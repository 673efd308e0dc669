"""AdaMax: Kingma & Ba 2015, Algorithm 2 (arXiv:1412.6980)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio_to_maximum
from adamlab.rules.symbols import Beta1, Beta2, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr_t beta1 one_minus_beta1 beta2 zero one")


@parameters
class AdaMax:
    """Adam with the running root mean square replaced by a decaying maximum of the gradient's magnitude.

    Source: Kingma & Ba 2015, section 7.1 and Algorithm 2 (arXiv:1412.6980). There is no epsilon: a coordinate
    whose gradient has been zero so far has u = 0 and does not move (libraries add an epsilon instead).
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / abs(g),
        step_bound=lambda h: h.lr * longest_ratio_to_maximum(h.beta1, h.beta2),
    )

    def coefficients(self, t, beta1_t=1.0):
        """Return the scalars of step ``t``, with the step size alpha / (1 - beta1^t), and the running power beta1^t."""
        beta1_t *= self.beta1
        c = Coefficients(
            lr_t=self.lr / (1 - beta1_t),
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            zero=0.0,
            one=1.0,
        )
        return c, (beta1_t,)

    @staticmethod
    def update(c, g, theta, m, u):
        """Apply Algorithm 2 to one coordinate; where u is still zero, so is m, and the quotient is set to zero."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        u = np.maximum(c.beta2 * u, np.abs(g))
        return theta - c.lr_t * (m / np.where(u > c.zero, u, c.one)), m, u
