"""Lion: Chen et al. 2023 (arXiv:2302.06675)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, LearningRate, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 keep")


@parameters
class Lion:
    """Step against the sign of a mix of gradient and momentum; the momentum itself decays more slowly than the mix.

    Source: Chen et al. 2023, Algorithm 2 (arXiv:2302.06675), with decoupled weight decay. The trajectory equals that
    of optax's, pytorch_optimizer's and the authors' Lion.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    weight_decay: WeightDecay

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / abs(g),
        step_bound=lambda h: h.lr,
    )

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            keep=1 - self.lr * self.weight_decay,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m):
        """Apply Algorithm 2 to one coordinate: decay and step first, then the momentum."""
        u = np.sign(c.beta1 * m + c.one_minus_beta1 * g)
        m = c.beta2 * m + c.one_minus_beta2 * g
        return c.keep * theta - c.lr * u, m
