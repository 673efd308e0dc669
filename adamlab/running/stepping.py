"""What all backends share: a run under way, its rule under a schedule, and gradients that are called."""

import copy
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from adamlab.problems.problem import Array, Problem
from adamlab.rules.stopping import GOES_ON, Stopping, after_step, at_point
from adamlab.rules.underflow import flushed
from adamlab.schedules.constant import Constant


class Stepper(Protocol):
    """One run under way.

    ``t`` counts steps, ``step_sq`` is the squared L2 length of the last (nan before it), ``stopped`` says why the run
    has ended (`adamlab.rules.stopping`).
    """

    t: int
    step_sq: float
    stopped: int

    @property
    def theta(self) -> Array:
        """A copy of the iterate, where the next gradient belongs."""

    @property
    def reported(self) -> Array:
        """A copy of the point the method gives as its answer: the iterate, unless the leaf names a state."""

    def step(self, gradient: Array) -> None:
        """Take one step with ``gradient``, an array of theta's shape and dtype, which is left alone."""

    def advance(self, until: int, stopping: Stopping) -> None:
        """Take steps up to number ``until``, or until a rule of ``stopping`` holds or a step is not finite."""

    def measure(self) -> tuple[float, float, float]:
        """Loss, squared gradient length and squared distance to the nearest minimiser, at the reported point."""


class Rule:
    """An optimizer under a schedule: what step ``t`` has in common for all coordinates."""

    def __init__(self, optimizer: Any, schedule: Any, n_steps: int) -> None:
        self.optimizer, self.schedule, self.n_steps = optimizer, schedule, n_steps

    def coefficients(self, t: int, carry: tuple[float, ...]) -> tuple[Any, tuple[float, ...]]:
        """The optimizer's coefficients for step ``t``, its learning rate under the schedule; and the next carry."""
        optimizer = self.optimizer
        if not isinstance(self.schedule, Constant):
            optimizer = copy.copy(optimizer)
            # The rate of a step may be 0 where that of a run may not: no range check.
            object.__setattr__(optimizer, "lr", self.optimizer.lr * self.schedule.factor(t, self.n_steps))
        return optimizer.coefficients(t, *flushed(t, carry))  # type: ignore[no-any-return]


def clipped(theta: Any, box: tuple[float, float] | None, number: Any) -> Any:
    """``theta`` (a number or an array) brought into ``box``; ``number`` makes its bounds."""
    return theta if box is None else np.minimum(np.maximum(theta, number(box[0])), number(box[1]))


Evaluate = Callable[..., Array]


def on_arrays(function: Callable[..., Array], *arguments: Any) -> Array:
    """A gradient as it is written: on whole arrays."""
    return function(*arguments)


class SteppingGradient:
    """A problem's gradient by calls, as a run meets it: drawn for the step, with noise.

    ``evaluate`` calls the objective's function on theta and other arrays of its length. Random numbers come from the
    compiled generator on every backend (`adamlab.problems.philox`).
    """

    def __init__(self, problem: Problem, evaluate: Evaluate = on_arrays) -> None:
        self._problem, self._evaluate = problem, evaluate
        self._keys = problem.key("samples"), problem.key("noise")

    def __call__(self, theta: Array, t: int) -> Array:
        """The gradient at ``theta`` (flat) for step ``t``."""
        problem, objective = self._problem, self._problem.objective
        with np.errstate(all="ignore"):
            if problem.is_sampled:
                draw = self._draws(objective, theta, t)
                g = self._evaluate(
                    lambda x, d, *data: objective.sampled_gradient(x, t, d, *data), theta, draw, *problem.data
                )
            else:
                g = self._evaluate(objective.gradient, theta, *problem.data)
        if problem.noise is None:
            return g
        from adamlab.compiler.random_numbers import add_noise

        return add_noise(problem.noise, self._keys[1], t, np.array(g, theta.dtype))

    def _draws(self, objective: Any, theta: Array, t: int) -> Array:
        size = theta.size if objective.separable else objective.n_draws()
        if objective.draws is None:
            return np.zeros(size, theta.dtype)
        from adamlab.compiler.random_numbers import draws

        drawn = draws(objective.draws, self._keys[0], t, size)
        return drawn.astype(theta.dtype) if objective.separable else drawn


def advance_by_calls(run: Stepper, gradient: Callable[[], Array], until: int, stopping: Stopping) -> None:
    """`Stepper.advance` by one call of ``gradient`` and one of ``step`` after another."""
    tol_sq, grad_tol_sq, loss_target = stopping.limits
    while run.t < until and run.stopped == GOES_ON:
        run.step(gradient())
        run.stopped = after_step(run.step_sq, tol_sq)
        if run.stopped == GOES_ON and stopping.watches:
            loss, gradient_sq, _ = run.measure()
            run.stopped = at_point(loss, gradient_sq, grad_tol_sq, loss_target)
