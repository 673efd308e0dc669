"""Gradient descent with momentum: Polyak 1964."""

from collections import namedtuple

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, parameters
from adamlab.rules.symbols import Momentum as Mu

Coefficients = namedtuple("Coefficients", "lr momentum")


@parameters
class Momentum:
    """Step against a decaying sum of all gradients (the heavy-ball method).

    Source: Polyak 1964. The sum starts at the first gradient and is not an average: for a constant gradient it tends
    to 1 / (1 - momentum) times that gradient. The trajectory equals that of torch's and optax's sgd with momentum,
    without dampening.
    """

    lr: LearningRate
    momentum: Mu

    guarantees = Guarantees(first_step=lambda h, g: -h.lr * g)

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        return Coefficients(lr=self.lr, momentum=self.momentum), ()

    @staticmethod
    def update(c, g, theta, b):
        """Update one coordinate; b is the decaying sum."""
        b = c.momentum * b + g
        return theta - c.lr * b, b
