"""signSGD: Bernstein et al. 2018 (arXiv:1802.04434)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, parameters

Coefficients = namedtuple("Coefficients", "lr")


@parameters
class SignSGD:
    """Step by the same length in every coordinate, against the sign of its gradient; a zero gradient moves nothing.

    Source: Bernstein et al. 2018, Algorithm 1 (arXiv:1802.04434). The trajectory equals that of optax's sign_sgd and,
    with momentum 0, of pytorch_optimizer's SignSGD.
    """

    lr: LearningRate

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / abs(g),
        step_bound=lambda h: h.lr,
    )

    def coefficients(self, t):
        """Return the step size, which is the same at every step."""
        return Coefficients(lr=self.lr), ()

    @staticmethod
    def update(c, g, theta):
        """Update one coordinate."""
        return (theta - c.lr * np.sign(g),)
