"""ADADELTA: Zeiler 2012 (arXiv:1212.5701)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple("Coefficients", "lr rho one_minus_rho eps")


@parameters
class ADADELTA:
    """Scale each gradient by the running root mean square of past steps over that of the gradients.

    Source: Zeiler 2012, Algorithm 1 (arXiv:1212.5701), whose lr is 1. ``eps`` is added inside both roots; it sets the
    size of the first steps, and with ``eps`` 0 nothing moves. The trajectory equals that of torch's, optax's and
    pytorch_optimizer's Adadelta.
    """

    lr: LearningRate
    rho: Annotated[float, Number("ρ", "[0, 1)")]
    eps: Epsilon

    guarantees = Guarantees(first_step=lambda h, g: -h.lr * (h.eps / ((1 - h.rho) * g * g + h.eps)) ** 0.5 * g)

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        return Coefficients(lr=self.lr, rho=self.rho, one_minus_rho=1 - self.rho, eps=self.eps), ()

    @staticmethod
    def update(c, g, theta, v, u):
        """Apply Algorithm 1 to one coordinate; v is the running mean of squared gradients, u that of squared steps."""
        v = c.rho * v + c.one_minus_rho * (g * g)
        d = np.sqrt(u + c.eps) / np.sqrt(v + c.eps) * g
        u = c.rho * u + c.one_minus_rho * (d * d)
        return theta - c.lr * d, v, u
