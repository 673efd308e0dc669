"""LARS: You, Gitman & Ginsburg 2017 (arXiv:1708.03888)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.reduction import squared_length
from adamlab.rules.symbols import LearningRate, Momentum, Number, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "lr momentum weight_decay trust_coefficient zero one")


@parameters
class LARS:
    """Momentum of gradients that are each scaled to a fixed fraction of the parameters' own length.

    Source: You, Gitman & Ginsburg 2017, Algorithm 1 (arXiv:1708.03888). The ratio divides by the sum of the lengths of
    gradient and decay term; optax divides by the length of their sum. Where a length is zero, the ratio is 1. The
    trajectory equals that of pytorch_optimizer's LARS on the vector as a matrix, since it leaves vectors unscaled.
    """

    lr: LearningRate
    momentum: Momentum
    weight_decay: WeightDecay
    trust_coefficient: Annotated[float, Number("η", "(0, inf)")]

    acts_on = "vector"
    guarantees = Guarantees(rotation_equivariant=True)

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        c = Coefficients(
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            trust_coefficient=self.trust_coefficient,
            zero=0.0,
            one=1.0,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, b):
        """Update the vector: the local learning rate, then momentum."""
        length, slope = np.sqrt(squared_length(theta)), np.sqrt(squared_length(g))
        below = slope + c.weight_decay * length
        both = (length > c.zero) & (below > c.zero)
        local = theta.dtype.type(np.where(both, c.trust_coefficient * length / np.where(both, below, c.one), c.one))
        b = c.momentum * b + c.lr * local * (g + c.weight_decay * theta)
        return theta - b, b
