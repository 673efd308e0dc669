"""Signum: Bernstein et al. 2018 (arXiv:1802.04434)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import LearningRate, Number, parameters

Coefficients = namedtuple("Coefficients", "lr beta one_minus_beta")


@parameters
class Signum:
    """Step by the same length in every coordinate, against the sign of the gradient's running mean.

    Source: Bernstein et al. 2018, Algorithm 2 (arXiv:1802.04434). There is no bias correction, because it would not
    change a sign. The trajectory equals that of optax's signum and pytorch_optimizer's SignSGD.
    """

    lr: LearningRate
    beta: Annotated[float, Number("β", "[0, 1)")]

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / abs(g),
        step_bound=lambda h: h.lr,
    )

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        return Coefficients(lr=self.lr, beta=self.beta, one_minus_beta=1 - self.beta), ()

    @staticmethod
    def update(c, g, theta, m):
        """Apply Algorithm 2 to one coordinate."""
        m = c.beta * m + c.one_minus_beta * g
        return theta - c.lr * np.sign(m), m
