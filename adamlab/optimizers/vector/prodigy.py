"""Prodigy: Mishchenko & Defazio 2023 (arXiv:2306.06101)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.reduction import total
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 beta3 eps weight_decay d0 d_coef zero one"
)


@parameters
class Prodigy:
    """Adam that estimates its own step size: a lower bound, which only grows, on the distance from start to minimum.

    Source: Mishchenko & Defazio 2023, the Adam variant (arXiv:2306.06101), and the authors' code with its defaults:
    beta3 is the root of beta2, the estimate d may grow without limit, nothing is bias-corrected (optax's always is).
    The trajectory equals that of the authors' Prodigy.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay
    d0: Annotated[float, Number("d₀", "(0, inf)")]
    d_coef: Annotated[float, Number("c", "(0, inf)")]

    acts_on = "vector"
    guarantees = Guarantees(scale_invariant=True)

    def first_state(self, theta):
        """Return zeros for both moments and s, the start, d0 for the estimate d, and zero for its numerator r."""
        zeros = np.zeros_like(theta)
        return zeros, zeros, zeros, theta, self.d0, 0.0

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            beta3=np.sqrt(self.beta2),
            eps=self.eps,
            weight_decay=self.weight_decay,
            d0=self.d0,
            d_coef=self.d_coef,
            zero=0.0,
            one=1.0,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m, v, s, start, d, r):
        """Update the vector: moments of d g, then the next d from the gradients seen so far, then Adam's step."""
        # np.abs makes d a NumPy float64, which beside a float32 stays float64; a Python float does not.
        d = np.abs(d)
        step, weight = d * c.lr, d / c.d0 * d * c.lr
        r = c.beta3 * r + weight * total(g * (start - theta))
        s = c.beta3 * s + theta.dtype.type(weight) * g
        m = c.beta1 * m + theta.dtype.type(d * c.one_minus_beta1) * g
        v = c.beta2 * v + theta.dtype.type(d * d * c.one_minus_beta2) * (g * g)
        length = np.abs(total(np.abs(s)))
        seen = length > c.zero
        d = np.where(seen, np.maximum(d, c.d_coef * r / np.where(seen, length, c.one)), d)
        decay = theta.dtype.type(np.where(seen, step * c.weight_decay, c.zero))
        below = np.sqrt(v) + theta.dtype.type(d * c.eps)
        theta = theta - decay * theta - theta.dtype.type(step) * m / np.where(below > c.zero, below, c.one)
        return theta, m, v, s, start, d, r
