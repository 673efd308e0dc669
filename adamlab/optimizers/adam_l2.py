"""Adam with an L2 penalty, which Loshchilov & Hutter 2019 (arXiv:1711.05101) argue against."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps weight_decay"
)


@parameters
class AdamL2:
    """Adam on the objective plus weight_decay / 2 times the squared length of the parameters.

    Source: Loshchilov & Hutter 2019, Algorithm 2 without the decoupled term (arXiv:1711.05101). The penalty's gradient
    enters both moments, so it is divided by the root of the second moment like the rest of the gradient; AdamW keeps
    it out of the moments. The trajectory equals that of torch's Adam with weight_decay.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay

    guarantees = Guarantees(
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
            weight_decay=self.weight_decay,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate: add the penalty's gradient, then apply Algorithm 1 of Adam."""
        g = g + c.weight_decay * theta
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        m_hat = m / c.correction1
        v_hat = v / c.correction2
        return theta - c.lr * m_hat / (np.sqrt(v_hat) + c.eps), m, v
