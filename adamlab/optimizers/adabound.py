"""AdaBound: Luo et al. 2019 (arXiv:1902.09843)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple("Coefficients", "lr_t beta1 one_minus_beta1 beta2 one_minus_beta2 eps lowest highest")


def _first_step(h, g):
    scale = (1 - h.beta2) ** 0.5
    rate = h.lr * scale / (1 - h.beta1) / (scale * abs(g) + h.eps)
    lowest, highest = h.final_lr * (1 - 1 / (h.gamma + 1)), h.final_lr * (1 + 1 / h.gamma)
    return -min(max(rate, lowest), highest) * (1 - h.beta1) * g


@parameters
class AdaBound:
    """Adam with the rate of each coordinate clipped between two bounds that converge to one rate, as in SGD.

    Source: Luo et al. 2019, Algorithm 2 (arXiv:1902.09843), as in the authors' code: the clipped rate includes Adam's
    bias corrections, it does not decay by sqrt(t), ``eps`` is added to the root of the uncorrected second moment, and
    ``gamma`` replaces 1 - beta2 in the bounds. The trajectory equals that of the authors' AdaBound;
    pytorch_optimizer's adds 1e-15 inside the root as well.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    final_lr: Annotated[float, Number("α*", "(0, inf)")]
    gamma: Annotated[float, Number("γ", "(0, 1)")]

    guarantees = Guarantees(first_step=_first_step)

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """Return the corrected step size and the bounds of step ``t``, and the running powers of beta1 and beta2."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        c = Coefficients(
            lr_t=self.lr * np.sqrt(1 - beta2_t) / (1 - beta1_t),
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            eps=self.eps,
            lowest=self.final_lr * (1 - 1 / (self.gamma * t + 1)),
            highest=self.final_lr * (1 + 1 / (self.gamma * t)),
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Apply Algorithm 2 to one coordinate."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        rate = c.lr_t / (np.sqrt(v) + c.eps)
        return theta - np.minimum(np.maximum(rate, c.lowest), c.highest) * m, m, v
