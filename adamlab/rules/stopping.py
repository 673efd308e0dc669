"""Stopping rules: the conditions under which a run ends before it has taken all its steps."""

import math
import threading
from dataclasses import dataclass

from adamlab.rules.symbols import LOSS_TARGET, TOLERANCE

# Reasons why a run has ended, as codes of the compiled loops; `STOPPED_BY` names the key of each stopping rule.
GOES_ON, STEP, GRADIENT, LOSS, NOT_FINITE = range(5)
STOPPED_BY = {STEP: "tol", GRADIENT: "grad_tol", LOSS: "loss_target"}
# A program that executes runs in threads sets this event on an interrupt, because Python delivers interrupts to the
# main thread only. A run in progress then raises KeyboardInterrupt.
INTERRUPTED = threading.Event()


@dataclass(frozen=True)
class Stopping:
    """Thresholds of the stopping rules of a run.

    Attributes
    ----------
    tol : float
        The run stops after a step whose L2 length is below this.
    grad_tol : float
        The run stops where the L2 length of the gradient is below this.
    loss_target : float
        The run stops where the loss is equal to this or below it.

    Raises
    ------
    ConfigurationError
        For a value out of range.

    Notes
    -----
    Gradient and loss are those of the objective itself (without noise) at the point that the optimizer reports. A
    rule never stops a run if its tolerance is 0 or a number whose square is 0, or its loss target is ``-inf``.
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
        """Whether loss and gradient must be computed after every step."""
        return self.grad_tol > 0 or self.loss_target > -math.inf

    @property
    def limits(self) -> tuple[float, float, float]:
        """The thresholds that the loops compare with: squared ``tol``, squared ``grad_tol``, and ``loss_target``."""
        return self.tol * self.tol, self.grad_tol * self.grad_tol, self.loss_target


def after_step(step_sq: float, tol_sq: float) -> int:
    """Return the code of the reason why a run ends after a step, or `GOES_ON`.

    Parameters
    ----------
    step_sq : float
        Squared L2 length of the step.
    tol_sq : float
        Squared tolerance.

    Returns
    -------
    int
        `NOT_FINITE` if the length is infinite or nan, `STEP` if it is below the tolerance, or else `GOES_ON`.
    """
    if not step_sq < math.inf:
        return NOT_FINITE
    return STEP if step_sq < tol_sq else GOES_ON


def at_point(loss: float, gradient_sq: float, grad_tol_sq: float, loss_target: float) -> int:
    """Return the code of the reason why a run ends at a point, or `GOES_ON`.

    Parameters
    ----------
    loss : float
        Loss at the point.
    gradient_sq : float
        Squared L2 length of the gradient at the point.
    grad_tol_sq : float
        Squared tolerance of the gradient.
    loss_target : float
        Loss at which the run ends.

    Returns
    -------
    int
        `GRADIENT` if the gradient is below its tolerance, `LOSS` if the loss is at most its target but not ``-inf``,
        or else `GOES_ON`.
    """
    if gradient_sq < grad_tol_sq:
        return GRADIENT
    return LOSS if -math.inf < loss <= loss_target else GOES_ON
