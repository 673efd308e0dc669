"""AdamW: Loshchilov & Hutter 2019 (arXiv:1711.05101)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps decay"
)


@parameters
class AdamW:
    """Adam with decoupled weight decay: each step also multiplies the parameters by 1 - lr weight_decay.

    Source: Loshchilov & Hutter 2019, Algorithm 2 (arXiv:1711.05101). The decay does not enter the moments. It is
    multiplied by the learning rate, as in libraries; the paper multiplies it by the schedule's multiplier alone. The
    trajectory equals that of torch's AdamW, which is also pytorch_optimizer's, and of optax's adamw.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay

    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps),
        step_bound=lambda h: h.lr * longest_ratio(h.beta1, h.beta2),
    )

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
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate: the decay, then Algorithm 1 of Adam."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        m_hat = m / c.correction1
        v_hat = v / c.correction2
        return c.decay * theta - c.lr * m_hat / (np.sqrt(v_hat) + c.eps), m, v
