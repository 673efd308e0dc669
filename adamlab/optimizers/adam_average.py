"""Adam with an average of its iterates: Kingma & Ba 2015, section 7.2 (arXiv:1412.6980)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps weight"
)


@parameters
class AdamAverage:
    """Adam that reports a running mean of its iterates.

    Source: Kingma & Ba 2015, section 7.2 (arXiv:1412.6980). The mean is the paper's, corrected for its start at zero,
    and written as a step towards the newest iterate; gradients are taken at the iterate, not at the mean. The iterates
    are those of Adam.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    beta_avg: Annotated[float, Number("β̄", "[0, 1)")]

    reports = "average"
    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr * g / (abs(g) + h.eps),
        step_bound=lambda h: h.lr * longest_ratio(h.beta1, h.beta2),
    )

    def first_state(self, theta):
        """Return zero moments, and the start as the average; step 1 has the weight 1 and replaces it."""
        return np.zeros_like(theta), np.zeros_like(theta), theta

    def coefficients(self, t, beta1_t=1.0, beta2_t=1.0, beta_avg_t=1.0):
        """Return the scalars of step ``t`` and the running powers of the three betas."""
        beta1_t *= self.beta1
        beta2_t *= self.beta2
        beta_avg_t *= self.beta_avg
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            correction1=1 - beta1_t,
            correction2=1 - beta2_t,
            eps=self.eps,
            weight=(1 - self.beta_avg) / (1 - beta_avg_t),
        )
        return c, (beta1_t, beta2_t, beta_avg_t)

    @staticmethod
    def update(c, g, theta, m, v, average):
        """Apply Algorithm 1 to one coordinate, and update the average."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        m_hat = m / c.correction1
        v_hat = v / c.correction2
        theta = theta - c.lr * m_hat / (np.sqrt(v_hat) + c.eps)
        return theta, m, v, average + c.weight * (theta - average)
