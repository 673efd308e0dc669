"""D-Adapt Adam: Defazio & Mishchenko 2023 (arXiv:2301.07733)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.reduction import total
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients",
    "lr beta1 one_minus_beta1 beta2 one_minus_beta2 beta3 one_minus_beta3 eps weight_decay zero one",
)


@parameters
class DAdaptAdam:
    """Adam that estimates its own step size: a lower bound, by dual averaging, on the distance to the minimum.

    Source: Defazio & Mishchenko 2023, the Adam variant (arXiv:2301.07733), and version 3 of the authors' code with its
    defaults: beta3 is the root of beta2, the estimate d may grow without limit, nothing is bias-corrected (optax's
    always is), and decay is decoupled. The trajectory equals that of the authors' DAdaptAdam.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay
    d0: Annotated[float, Number("d₀", "(0, inf)")]

    acts_on = "vector"
    guarantees = Guarantees(scale_invariant=True)

    def first_state(self, theta):
        """Return zeros for both moments and s, d0 for the estimate d, and zero for its numerator r."""
        zeros = np.zeros_like(theta)
        return zeros, zeros, zeros, self.d0, 0.0

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        beta3 = np.sqrt(self.beta2)
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            beta3=beta3,
            one_minus_beta3=1 - beta3,
            eps=self.eps,
            weight_decay=self.weight_decay,
            zero=0.0,
            one=1.0,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m, v, s, d, r):
        """Update the vector: the numerator r of d, from s g weighted by the last v; Adam's step on d g; the next d."""
        # np.abs makes d a NumPy float64, which beside a float32 stays float64; a Python float does not.
        d = np.abs(d)
        step = d * c.lr
        below = np.sqrt(v) + c.eps
        r = c.beta3 * r + c.one_minus_beta3 * (step * total(g * (s / np.where(below > c.zero, below, c.one))))
        m = c.beta1 * m + theta.dtype.type(step * c.one_minus_beta1) * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        s = c.beta3 * s + theta.dtype.type(step * c.one_minus_beta3) * g
        length = np.abs(total(np.abs(s)))
        seen = length > c.zero
        d = np.where(seen, np.maximum(d, r / (c.one_minus_beta3 * np.where(seen, length, c.one))), d)
        decay = theta.dtype.type(np.where(seen, step * c.weight_decay, c.zero))
        below = np.sqrt(v) + c.eps
        return theta - decay * theta - m / np.where(below > c.zero, below, c.one), m, v, s, d, r
