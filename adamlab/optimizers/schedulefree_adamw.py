"""Schedule-free AdamW: Defazio et al. 2024 (arXiv:2405.15682)."""

from collections import namedtuple
from typing import Annotated

import numpy as np

from adamlab.rules.guarantees import Guarantees
from adamlab.rules.symbols import Beta1, Beta2, Epsilon, LearningRate, Number, WeightDecay, parameters

Coefficients = namedtuple(
    "Coefficients", "lr_t one_minus_beta1 beta2 one_minus_beta2 correction2 eps weight_decay weight"
)


@parameters
class ScheduleFreeAdamW:
    """Take RMSProp steps with a point z, report their weighted average x, and take gradients at y between the two.

    Source: Defazio et al. 2024, Algorithm 1 (arXiv:2405.15682), as in the authors' code since its version 1.3: the
    second moment itself is bias-corrected, not the step size. Theta is y; weight decay acts at y; step t enters the
    average with weight t^r lr_t^2. The trajectory equals that of the authors' AdamWScheduleFree, in y and in x; and,
    without warm-up, of optax's schedule_free_adamw, whose warm-up is one step behind. pytorch_optimizer's adds 1e-15
    inside the root.
    """

    lr: LearningRate
    beta1: Beta1
    beta2: Beta2
    eps: Epsilon
    weight_decay: WeightDecay
    warmup_steps: Annotated[float, Number("T₀", "[0, inf)")]
    r: Annotated[float, Number("r", "[0, inf)")]

    reports = "x"
    # The share of a new point in the average never grows, so neither x nor y moves further than the longest step of z.
    guarantees = Guarantees(
        scale_invariant=True,
        first_step=lambda h, g: -h.lr / max(1, h.warmup_steps) * g / (abs(g) + h.eps),
        step_bound=lambda h: h.lr / (1 - h.beta2) ** 0.5,
    )

    def first_state(self, theta):
        """Return x and z at the start, and a second moment of zero."""
        return theta, theta, np.zeros_like(theta)

    def coefficients(self, t, beta2_t=1.0, sum_of_weights=0.0):
        """Return the rate of step ``t``, its share in the average, and the running power and sum they come from."""
        beta2_t *= self.beta2
        lr_t = self.lr * t / self.warmup_steps if t < self.warmup_steps else self.lr
        weight = t**self.r * lr_t**2
        sum_of_weights += weight
        c = Coefficients(
            lr_t=lr_t,
            one_minus_beta1=1 - self.beta1,
            beta2=self.beta2,
            one_minus_beta2=1 - self.beta2,
            correction2=1 - beta2_t,
            eps=self.eps,
            weight_decay=self.weight_decay,
            weight=weight / sum_of_weights,
        )
        return c, (beta2_t, sum_of_weights)

    @staticmethod
    def update(c, g, theta, x, z, v):
        """Update one coordinate; both means are written so that the mean of two equal points is that point exactly."""
        v = c.beta2 * v + c.one_minus_beta2 * (g * g)
        z = z - c.lr_t * (g / (np.sqrt(v / c.correction2) + c.eps) + c.weight_decay * theta)
        x = x + c.weight * (z - x)
        return x + c.one_minus_beta1 * (z - x), x, z, v
