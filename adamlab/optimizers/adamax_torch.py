"""AdaMax with the epsilon of torch: after Kingma & Ba 2015, Algorithm 2 (arXiv:1412.6980)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio_to_maximum
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr_t beta1 one_minus_beta1 beta2 eps")


@parameters
class AdaMaxTorch:
    """AdaMax with an epsilon added to the gradient's magnitude before the maximum is taken.

    Source: Kingma & Ba 2015, Algorithm 2 (arXiv:1412.6980), and torch's Adamax. The paper has no ``eps``; here it
    enters the state u, which decays to ``eps`` once gradients vanish. The trajectory equals that of torch's, optax's
    and pytorch_optimizer's Adamax.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps),
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
            eps=self.eps,
        )
        return c, (beta1_t,)

    @staticmethod
    def update(c, g, theta, m, u):
        """Update one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        u = np.maximum(c.beta2 * u, np.abs(g) + c.eps)
        return theta - c.lr_t * (m / u), m, u
