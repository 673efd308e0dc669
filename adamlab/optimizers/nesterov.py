"""Gradient descent with Nesterov's momentum: Sutskever et al. 2013."""

from collections import namedtuple

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, Momentum, parameters

Coefficients = namedtuple("Coefficients", "lr momentum")


@parameters
class Nesterov:
    """Momentum whose gradient is taken where the momentum is about to lead.

    Source: Sutskever, Martens, Dahl & Hinton 2013, section 2, equations 3 and 4. The iterate is their look-ahead point,
    theta + mu v, so that each gradient is taken at the iterate. Equals the trajectory of torch's and optax's sgd with
    nesterov.
    """

    lr: LearningRate
    momentum: Momentum

    guarantees = Guarantees(first_step=lambda h, g: -h.lr * (1 + h.momentum) * g)

    def coefficients(self, t):
        """The hyperparameters; nothing changes from step to step."""
        return Coefficients(lr=self.lr, momentum=self.momentum), ()

    @staticmethod
    def update(c, g, theta, b):
        """One coordinate; b is the decaying sum of gradients."""
        b = c.momentum * b + g
        return theta - c.lr * (g + c.momentum * b), b
