"""C-AdamW: Liang et al. 2024 (arXiv:2411.16085), as in the authors' code."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.reduction import total
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "lr_t beta1 one_minus_beta1 beta2 one_minus_beta2 eps decay least zero one")

# A lower bound on the share of coordinates that move, by which the step is divided.
LEAST_SHARE = 1e-3


@parameters
class CAdamW:
    """AdamW that moves only the coordinates whose momentum and gradient agree in sign, and moves them further.

    Source: Liang et al. 2024 (arXiv:2411.16085) and the authors' code. ``eps`` is added to the root of the uncorrected
    second moment; the mask is divided by its mean, or by 1/1000 if that is greater. The paper instead multiplies it by
    the number of coordinates over one more than the number that move. Decay comes first. The trajectory equals that of
    the authors' AdamW.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay

    acts_on = "vector"
    guarantees = Guarantees(
        scale_invariant=True,
        step_bound=lambda h: h.lr * longest_ratio(h.beta1, h.beta2) / LEAST_SHARE,
    )

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0):
        """Return the step size alpha_t, the decay rates, and the running powers of beta1 and beta2."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        c = Coefficients(
            lr_t=self.lr * np.sqrt(1 - beta2_t) / (1 - beta1_t),
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            eps=self.eps,
            decay=1 - self.lr * self.weight_decay,
            least=LEAST_SHARE,
            zero=0.0,
            one=1.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update the vector by Adam's step where m and g agree, divided by the share of coordinates where they do."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        mask = np.where(m * g > c.zero, c.one, c.zero)
        share = theta.dtype.type(np.maximum(total(mask) / theta.size, c.least))
        return c.decay * theta - c.lr_t * (m * (mask / share)) / (np.sqrt(v) + c.eps), m, v
