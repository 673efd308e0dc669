"""AdamW with cautious weight decay: Chen et al. 2025 (arXiv:2510.12402)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees, longest_ratio
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps weight_decay zero"
)


@parameters
class AdamWCautiousDecay:
    """AdamW that decays a coordinate only where Adam's own step also moves it towards zero.

    Source: Chen et al. 2025, cautious weight decay with Adam (arXiv:2510.12402). A coordinate decays where the update
    times the parameter before the step is at least zero, by the full lr * weight_decay: the mask is not divided by its
    mean.
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
            weight_decay=self.weight_decay,
            zero=0.0,
        )
        return c, (beta1_t, beta2_t)

    @staticmethod
    def update(c, g, theta, m, v):
        """Update one coordinate along Adam's direction u, with decay where u has theta's sign."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        m_hat = m / c.correction1
        v_hat = v / c.correction2
        u = m_hat / (np.sqrt(v_hat) + c.eps)
        decay = np.where(u * theta >= c.zero, c.weight_decay, c.zero)
        return theta - c.lr * (u + decay * theta), m, v
