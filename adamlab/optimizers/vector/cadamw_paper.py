"""C-AdamW as published: Liang et al. 2024 (arXiv:2411.16085)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.reduction import total
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps decay zero one"
)


@parameters
class CAdamWPaper:
    """AdamW that moves only the coordinates whose step and gradient agree in sign, and moves them further.

    Source: Liang et al. 2024 (arXiv:2411.16085), Algorithm 1 and the C-AdamW beside it: Adam as printed, the step
    multiplied by the number of coordinates over one more than the number that move, as in the authors' first code and
    pytorch_optimizer's ``cautious``; their later code divides by the mask's mean (``cadamw``). Decay comes first.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay

    acts_on = "vector"
    guarantees = Guarantees(scale_invariant=True)

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
            zero=0.0,
            one=1.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update the vector by Adam's direction u, where u and g agree in sign."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        u = (m / c.correction1) / (np.sqrt(v / c.correction2) + c.eps)
        mask = np.where(u * g > c.zero, c.one, c.zero)
        # np.abs makes the sum a NumPy float64, which beside a float32 stays float64; a Python float does not.
        longer = theta.dtype.type(theta.size / (np.abs(total(mask)) + c.one))
        return c.decay * theta - c.lr * longer * (mask * u), m, v
