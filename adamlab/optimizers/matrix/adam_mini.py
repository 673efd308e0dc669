"""Adam-mini: Zhang et al. 2024 (arXiv:2406.16793)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 correction1 correction2 eps decay"
)


@parameters
class AdamMini:
    """AdamW with one second moment per row: the running mean of the row's mean squared gradient.

    Source: Zhang et al. 2024, Algorithm 1 (arXiv:2406.16793), with the partition by output neuron: a row of the
    weights is a block. The trajectory equals that of the authors' code where a block is a row, but for its float32
    state.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay

    acts_on = "matrix"
    guarantees = Guarantees(scale_invariant=True)

    def first_state(self, theta):
        """Return zeros for the first moment, and for one second moment per row."""
        return np.zeros_like(theta), np.zeros_like(theta[:, :1])

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
        """Update the matrix by AdamW, with squared gradients averaged over each row."""
        m = c.beta1 * m + c.one_minus_beta1 * g
        v = c.beta2 * v + c.one_minus_beta2 * np.mean(g * g, axis=1, keepdims=True)
        m_hat = m / c.correction1
        v_hat = v / c.correction2
        return c.decay * theta - c.lr * m_hat / (np.sqrt(v_hat) + c.eps), m, v
