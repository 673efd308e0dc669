"""Gradient descent: Robbins & Monro 1951."""

from collections import namedtuple

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr")


@parameters
class SGD:
    """Step against the gradient, by a fixed multiple of it.

    Source: Robbins & Monro 1951 (with a constant step). The trajectory equals that of torch's and optax's sgd.
    """

    lr: LearningRate

    guarantees = Guarantees(first_step=lambda h, g: -h.lr * g)

    def coefficients(self, t):
        """Return the step size, which is the same at every step."""
        return Coefficients(lr=self.lr), ()

    @staticmethod
    def update(c, g, theta):
        """Update one coordinate."""
        return (theta - c.lr * g,)
