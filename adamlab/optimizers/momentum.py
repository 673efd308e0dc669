"""Gradient descent with momentum: Polyak 1964."""

from collections import namedtuple

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, parameters
from adamlab.rules.symbols import Momentum as Mu

Coefficients = namedtuple("Coefficients", "lr momentum")


@parameters
class Momentum:
    """Step along a decaying sum of all gradients, as a heavy ball would roll.

    Source: Polyak 1964. The sum starts at the first gradient and is not an average: a constant gradient is in the end
    multiplied by 1 / (1 - momentum). Equals the trajectory of torch's and optax's sgd with momentum, without dampening.
    """

    lr: LearningRate
    momentum: Mu

    guarantees = Guarantees(first_step=lambda h, g: -h.lr * g)

    def coefficients(self, t):
        """The hyperparameters; nothing changes from step to step."""
        return Coefficients(lr=self.lr, momentum=self.momentum), ()

    @staticmethod
    def update(c, g, theta, b):
        """One coordinate; b is the decaying sum."""
        b = c.momentum * b + g
        return theta - c.lr * b, b
