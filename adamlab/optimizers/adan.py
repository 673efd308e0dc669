"""Adan: Xie et al. 2022 (arXiv:2208.06677)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients",
    "lr beta1 one_minus_beta1 beta2 one_minus_beta2 beta3 one_minus_beta3 correction1 correction2 correction3"
    " eps shrink has_previous zero",
)


@parameters
class Adan:
    """Adam with Nesterov momentum, computed from running means of the gradients and of their differences.

    Source: Xie et al. 2022, Algorithm 1 (arXiv:2208.06677), with the betas of the authors' code: these are decay
    rates, one minus the betas of the paper. The first difference is 0, and weight decay is proximal, that is, a
    division. The trajectory equals that of the authors' Adan, and of pytorch_optimizer's with ``weight_decouple`` off;
    optax's weights the differences by 1 - beta2.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    beta3: Annotated[float, Number("β₃", "[0, 1)")]
    eps: Epsilon
    weight_decay: WeightDecay

    guarantees = Guarantees(scale_invariant=True, first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps))

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0, beta3_t=1.0):
        """Return the scalars of step ``t`` and the running powers of the betas."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        beta3_t *= self.beta3
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            beta3=self.beta3,
            one_minus_beta3=1 - self.beta3,
            correction1=1 - beta1_t,
            correction2=1 - beta2_t,
            correction3=1 - beta3_t,
            eps=self.eps,
            shrink=1 + self.lr * self.weight_decay,
            has_previous=1.0 if t > 1 else 0.0,
            zero=0.0,
        )
        return c, (beta1_t, beta2_t, beta3_t)

    @staticmethod
    def update(c, g, theta, m, v, n, previous):
        """Apply Algorithm 1 to one coordinate."""
        d = np.where(c.has_previous > c.zero, g - previous, c.zero)
        e = g + c.beta2 * d
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * d
        n = c.beta3 * n + c.one_minus_beta3 * (e * e)
        u = m / c.correction1 + c.beta2 * (v / c.correction2)
        return (theta - c.lr * u / (np.sqrt(n / c.correction3) + c.eps)) / c.shrink, m, v, n, g
