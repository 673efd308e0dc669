"""AdaGrad: Duchi, Hazan & Singer 2011."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Epsilon, LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr eps")


@parameters
class AdaGrad:
    """Divide each gradient by the root of the sum of all squared gradients so far.

    Source: Duchi, Hazan & Singer 2011, the diagonal form without regularizer. The sum starts at zero and ``eps`` is
    added to its root; optax's adagrad starts the sum at 0.1 and adds ``eps`` inside the root. The trajectory equals
    that of torch's Adagrad.
    """

    lr: LearningRate
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps),
        step_bound=lambda h: h.lr,
    )

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        return Coefficients(lr=self.lr, eps=self.eps), ()

    @staticmethod
    def update(c, g, theta, s):
        """Update one coordinate; s is the sum of squared gradients."""
        s = s + g * g
        return theta - c.lr * g / (np.sqrt(s) + c.eps), s
