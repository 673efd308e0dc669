"""The python backend: the stepper that executes a rule on one number after another."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adamlab.problems.problem import Array, Problem
from adamlab.rules.methods import first_carry, first_state, reported_place
from adamlab.rules.reduction import squared_length
from adamlab.rules.stopping import GOES_ON, Stopping
from adamlab.running.stepping import Rule, SteppingGradient, advance_by_calls, clipped


class PythonStepper:
    """A run whose rule is executed on one number after another (see `adamlab.running.stepping.Stepper`).

    The numbers are NumPy scalars, whose arithmetic follows IEEE 754 in float32 and in float64. Python's own float has
    only one precision, and raises an exception where IEEE 754 gives an infinity.
    """

    def __init__(self, rule: Rule, problem: Problem | None, theta0: Array) -> None:
        self.t, self.step_sq, self.stopped = 0, math.nan, GOES_ON
        self._rule, self._problem = rule, problem
        self._shape, self._number = theta0.shape, theta0.dtype.type
        self._theta = list(theta0.ravel())
        arrays = [start.ravel() for start in first_state(rule.optimizer, theta0)]
        self._state: list[Any] = [list(row) for row in zip(*arrays, strict=True)] or [[]] * theta0.size
        self._carry = first_carry(rule.optimizer.__class__)
        self._box = None if problem is None else problem.box
        self._gradient = None if problem is None else SteppingGradient(problem, self._number_by_number)

    @property
    def theta(self) -> Array:
        return np.array(self._theta).reshape(self._shape)

    @property
    def reported(self) -> Array:
        place = reported_place(self._rule.optimizer.__class__)
        rows = zip(self._theta, self._state, strict=True)
        return np.array([(theta, *state)[place] for theta, state in rows], self._number).reshape(self._shape)

    def step(self, gradient: Array) -> None:
        self.t += 1
        c, self._carry = self._rule.coefficients(self.t, self._carry)
        with np.errstate(all="ignore"):
            c = c._make(map(self._number, c))
        update, before = self._rule.optimizer.update, self._theta
        rows = zip(np.asarray(gradient, self._number).ravel(), before, self._state, strict=True)
        with np.errstate(all="ignore"):
            moved = [update(c, g, x, *state) for g, x, state in rows]
            self._theta = [self._number(clipped(theta, self._box, self._number)) for theta, *_ in moved]
            self._state = [state for _, *state in moved]
            self.step_sq = squared_length(np.array(self._theta) - np.array(before))

    def advance(self, until: int, stopping: Stopping) -> None:
        assert self._gradient is not None
        gradient = self._gradient
        advance_by_calls(self, lambda: gradient(self.theta, self.t + 1), until, stopping)

    def measure(self) -> tuple[float, float, float]:
        assert self._problem is not None
        return self._problem.measure(self.reported)

    def _number_by_number(self, function: Callable[..., Any], *arrays: Any) -> Array:
        assert self._problem is not None
        if not self._problem.objective.separable:
            return function(*arrays)  # type: ignore[no-any-return]
        return np.array([function(*row) for row in zip(*arrays, strict=True)], self._number)
