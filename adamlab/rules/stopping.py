"""When a run ends before it has taken all its steps."""

import math
import threading
from dataclasses import dataclass

from adamlab.rules.symbols import LOSS_TARGET, TOLERANCE

# Why a run has stopped, as the compiled loops say it; `STOPPED_BY` has the names of the keys.
GOES_ON, STEP, GRADIENT, LOSS, NOT_FINITE = range(5)
STOPPED_BY = {STEP: "tol", GRADIENT: "grad_tol", LOSS: "loss_target"}
# Set by a program whose runs are in threads, which hear no interrupt: a run under way then raises KeyboardInterrupt.
INTERRUPTED = threading.Event()


@dataclass(frozen=True)
class Stopping:
    """The rules: a step shorter than ``tol``, a gradient shorter than ``grad_tol``, a loss of ``loss_target`` or below.

    The step is the last one; gradient and loss are the objective's own (without noise) at the point the method reports.
    0, a number whose square is 0, and -inf never stop. Raises `ConfigurationError` for values out of range.
    """

    tol: float = 0.0
    grad_tol: float = 0.0
    loss_target: float = -math.inf

    def __post_init__(self) -> None:
        object.__setattr__(self, "tol", TOLERANCE.check("stopping", "tol", self.tol))
        object.__setattr__(self, "grad_tol", TOLERANCE.check("stopping", "grad_tol", self.grad_tol))
        object.__setattr__(self, "loss_target", LOSS_TARGET.check("stopping", "loss_target", self.loss_target))

    @property
    def watches(self) -> bool:
        """Whether loss and gradient have to be known after every step."""
        return self.grad_tol > 0 or self.loss_target > -math.inf

    @property
    def limits(self) -> tuple[float, float, float]:
        """What the loops compare with: the squared tolerances, and the loss."""
        return self.tol * self.tol, self.grad_tol * self.grad_tol, self.loss_target


def after_step(step_sq: float, tol_sq: float) -> int:
    """Whether a step of this squared length ends a run."""
    if not step_sq < math.inf:
        return NOT_FINITE
    return STEP if step_sq < tol_sq else GOES_ON


def at_point(loss: float, gradient_sq: float, grad_tol_sq: float, loss_target: float) -> int:
    """Whether a point with this loss and squared gradient length ends a run."""
    if gradient_sq < grad_tol_sq:
        return GRADIENT
    return LOSS if -math.inf < loss <= loss_target else GOES_ON
