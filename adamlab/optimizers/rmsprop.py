"""RMSProp: Tieleman & Hinton 2012."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple("Coefficients", "lr rho one_minus_rho eps")


@parameters
class RMSProp:
    """Divide each gradient by its running root mean square.

    Source: Tieleman & Hinton 2012 (Neural Networks for Machine Learning, lecture 6.5). The mean starts at zero, is not
    corrected for it, and ``eps`` is added to its root; optax's adds it inside by default. The trajectory equals that
    of torch's RMSprop.
    """

    lr: LearningRate
    rho: Annotated[float, Number("ρ", "[0, 1)")]
    eps: Epsilon

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / ((1 - h.rho) ** 0.5 * abs(g) + h.eps),
        step_bound=lambda h: h.lr / (1 - h.rho) ** 0.5,
    )

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        return Coefficients(lr=self.lr, rho=self.rho, one_minus_rho=1 - self.rho, eps=self.eps), ()

    @staticmethod
    def update(c, g, theta, v):
        """Update one coordinate."""
        v = c.rho * v + c.one_minus_rho * (g * g)
        return theta - c.lr * g / (np.sqrt(v) + c.eps), v
