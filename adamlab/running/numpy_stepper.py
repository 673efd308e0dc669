"""The numpy backend: the stepper that executes a rule on whole NumPy arrays."""

import math
from typing import Any

import numpy as np

from adamlab.problems.problem import Array, Problem
from adamlab.rules.methods import acts_on, first_carry, first_state, reported_place
from adamlab.rules.reduction import squared_length
from adamlab.rules.stopping import GOES_ON, Stopping
from adamlab.running.stepping import Rule, SteppingGradient, advance_by_calls, clipped


class NumpyStepper:
    """A run whose rule is executed on whole arrays (see `adamlab.running.stepping.Stepper`)."""

    def __init__(self, rule: Rule, problem: Problem | None, theta0: Array) -> None:
        self.t, self.step_sq, self.stopped = 0, math.nan, GOES_ON
        self._rule, self._problem = rule, problem
        self._shape = theta0.shape
        self._theta = np.array(theta0).reshape(_working_shape(rule.optimizer, problem, theta0))
        self._state = first_state(rule.optimizer, self._theta)
        self._carry = first_carry(rule.optimizer.__class__)
        self._box = None if problem is None else problem.box
        self._gradient = None if problem is None else SteppingGradient(problem)

    @property
    def theta(self) -> Array:
        return self._theta.reshape(self._shape).copy()

    @property
    def reported(self) -> Array:
        point: Array = (self._theta, *self._state)[reported_place(self._rule.optimizer.__class__)]
        return point.reshape(self._shape).copy()

    def step(self, gradient: Array) -> None:
        self.t += 1
        number = self._theta.dtype.type
        # A copy, because a rule may keep the gradient as a state and the caller may use the array again.
        gradient = np.array(gradient, self._theta.dtype).reshape(self._theta.shape)
        c, self._carry = self._rule.coefficients(self.t, self._carry)
        with np.errstate(all="ignore"):
            c = c._make(map(number, c))
            theta, *state = self._rule.optimizer.update(c, gradient, self._theta, *self._state)
            theta = clipped(theta, self._box, number)
            self.step_sq = squared_length(theta - self._theta)
        self._theta, self._state = theta, tuple(state)

    def advance(self, until: int, stopping: Stopping) -> None:
        assert self._gradient is not None
        gradient = self._gradient
        advance_by_calls(self, lambda: gradient(self.theta, self.t + 1), until, stopping)

    def measure(self) -> tuple[float, float, float]:
        assert self._problem is not None
        return self._problem.measure(self.reported)


def _working_shape(optimizer: Any, problem: Problem | None, theta0: Array) -> tuple[int, ...]:
    """Return the shape in which a rule sees theta: one axis for vector rules, two for matrix rules.

    A matrix rule sees a vector as one column, unless the problem says which matrix it stands for.
    """
    if acts_on(optimizer) == "vector":
        return (theta0.size,)
    if acts_on(optimizer) == "matrix" and theta0.ndim != 2:
        return (problem and problem.shape) or (theta0.size, 1)
    return theta0.shape
