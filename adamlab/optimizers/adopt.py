"""ADOPT: Taniguchi et al. 2024 (arXiv:2411.02853), as in the authors' code."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 eps limit moves zero one")


@parameters
class ADOPT:
    """Momentum of gradients that are normalized by the second moment of earlier gradients, and clipped.

    Source: Taniguchi et al. 2024 (arXiv:2411.02853), with the clipping at (t - 1)^(1/4) that the authors' code has by
    default. The first gradient only initialises the second moment. The trajectory equals that of optax's adopt and of
    the authors' ADOPT; pytorch_optimizer's clips at t^(1/4).
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon

    guarantees = Guarantees(scale_invariant=True, first_step=lambda *_: 0.0)

    def coefficients(self, t):
        """Return the scalars of step ``t``, with its clipping limit; step 1 moves nothing and sets v to g^2."""
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2 if t > 1 else 0 * self.beta2,
            one_minus_beta2=1 - self.beta2 if t > 1 else 1 - 0 * self.beta2,
            eps=self.eps,
            limit=np.sqrt(np.sqrt(t - 1)),
            moves=1.0 if t > 1 else 0.0,
            zero=0.0,
            one=1.0,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate; the second moment of step t - 1 divides the gradient of step t."""
        moves = c.moves > c.zero
        n = g / np.where(moves, np.maximum(np.sqrt(v), c.eps), c.one)
        n = np.where(moves, np.minimum(np.maximum(n, -c.limit), c.limit), c.zero)
        m = c.beta1 * m + c.one_minus_beta1 * n
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        return theta - c.lr * m, m, v
