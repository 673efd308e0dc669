"""ADOPT as analysed: Taniguchi et al. 2024 (arXiv:2411.02853), without clipping."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 eps moves zero one")


@parameters
class ADOPTUnclipped:
    """Momentum of gradients that are normalized by the second moment of earlier gradients.

    Source: Taniguchi et al. 2024 (arXiv:2411.02853), the form of the convergence theorem. The first gradient only
    initialises the second moment. The trajectory equals that of optax's adopt with ``use_clipping`` off, and of
    pytorch_optimizer's ADOPT with ``clip_lambda`` None.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    guarantees = Guarantees(scale_invariant=True, first_step=lambda *_: 0.0)

    def coefficients(self, t):
        """Return the scalars of step ``t``; step 1 moves nothing and sets v to g^2."""
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2 if t > 1 else 0 * self.beta2,
            one_minus_beta2=1 - self.beta2 if t > 1 else 1 - 0 * self.beta2,
            eps=self.eps,
            moves=1.0 if t > 1 else 0.0,
            zero=0.0,
            one=1.0,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate; the second moment of step t - 1 divides the gradient of step t."""
        moves = c.moves > c.zero
        n = np.where(moves, g, c.zero) / np.where(moves, np.maximum(np.sqrt(v), c.eps), c.one)
        m = c.beta1 * m + c.one_minus_beta1 * n
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        return theta - c.lr * m, m, v
