"""Gradient descent with Nesterov's momentum: Sutskever et al. 2013."""

from collections import namedtuple

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, Momentum, parameters

Coefficients = namedtuple("Coefficients", "lr momentum")


@parameters
class Nesterov:
    """Momentum whose gradient is taken at the point that the momentum is about to reach.

    Source: Sutskever, Martens, Dahl & Hinton 2013, section 2, equations 3 and 4. The iterate is their look-ahead
    point, theta + mu v, so that each gradient is taken at the iterate. The trajectory equals that of torch's and
    optax's sgd with nesterov.
    """

    lr: LearningRate
    momentum: Momentum

    guarantees = Guarantees(first_step=lambda h, g: -h.lr * (1 + h.momentum) * g)

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        return Coefficients(lr=self.lr, momentum=self.momentum), ()

    @staticmethod
    def update(c, g, theta, b):
        """Update one coordinate; b is the decaying sum of gradients."""
        b = c.momentum * b + g
        return theta - c.lr * (g + c.momentum * b), b
