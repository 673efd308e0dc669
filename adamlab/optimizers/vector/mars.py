"""MARS-AdamW: Yuan et al. 2024 (arXiv:2411.10438), as in the authors' code."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.reduction import squared_length
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients",
    "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps decay correction one",
)


@parameters
class MARS:
    """AdamW on a gradient that is corrected by its change since the last step and shortened to length 1 at most.

    Source: Yuan et al. 2024, Algorithm 2, MARS-AdamW (arXiv:2411.10438), with the last step's gradient in place of the
    current batch's gradient at the last point ("approximate"); it is zero before step 1. ``eps`` is added to the root
    of the corrected second moment (pytorch_optimizer: before the correction, and 1e-15 under the root). The trajectory
    equals that of the authors' code if each gradient is a new array, because that code keeps the array itself.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay
    gamma: Annotated[float, Number("γ", "[0, 1]")]

    acts_on = "vector"
    guarantees = Guarantees(step_bound=lambda h: h.lr * longest_ratio(h.beta1, h.beta2))

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """Return the scalars of step ``t`` and the running powers of beta1 and beta2."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            correction1=1 - beta1_t,
            correction2=1 - beta2_t,
            eps=self.eps,
            decay=1 - self.lr * self.weight_decay,
            correction=self.gamma * self.beta1 / (1 - self.beta1),
            one=1.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v, g_last):
        """Update the vector by AdamW on the corrected gradient, which has length 1 at most."""
        corrected = g + c.correction * (g - g_last)
        length = np.sqrt(squared_length(corrected))
        corrected = corrected / theta.dtype.type(np.maximum(length, c.one))
        m = c.beta1 * m + c.one_minus_beta1 * corrected
        v = c.beta2 * v + c.one_minus_beta2 * (corrected * corrected)
        u = (m / c.correction1) / (np.sqrt(v / c.correction2) + c.eps)
        return c.decay * theta - c.lr * u, m, v, g
