"""C-Lion: Liang et al. 2024 (arXiv:2411.16085)."""

from collections import namedtuple

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.reduction import total
from adamlab.rules.symbols import Beta1, Beta2, LearningRate, WeightDecay, parameters

Coefficients = namedtuple("Coefficients", "lr beta1 one_minus_beta1 beta2 one_minus_beta2 decay zero one")


@parameters
class CLion:
    """Lion that moves only the coordinates whose step and gradient agree in sign, and moves them further.

    Source: Liang et al. 2024 (arXiv:2411.16085), Algorithm 1, applied to Lion (arXiv:2302.06675): the step is
    multiplied by the number of coordinates over one more than the number that move. The trajectory equals that of
    pytorch_optimizer's Lion with ``cautious``.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    weight_decay: WeightDecay

    acts_on = "vector"
    guarantees = Guarantees(scale_invariant=True)

    def coefficients(self, t):
        """Return the hyperparameters, which are the same at every step."""
        c = Coefficients(
            lr=self.lr,
            beta1=self.beta1,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            decay=1 - self.lr * self.weight_decay,
            zero=0.0,
            one=1.0,
        )
        return c, ()

    @staticmethod
    def update(c, g, theta, m):
        """Update the vector by Lion's signs u, where u and g agree; then update the slower mean."""
        u = np.sign(c.beta1 * m + c.one_minus_beta1 * g)
        mask = np.where(u * g > c.zero, c.one, c.zero)
        # np.abs makes the sum a NumPy float64, which beside a float32 stays float64; a Python float does not.
        longer = theta.dtype.type(theta.size / (np.abs(total(mask)) + c.one))
        return c.decay * theta - c.lr * longer * (mask * u), c.beta2 * m + c.one_minus_beta2 * g
