"""The numba backend for rules that act on a whole vector: LAMB's norms, a cautious mask's mean, and the like.

The rule is compiled as it stands, whole arrays and all, into the loop over steps; its sums are those of
`adamlab.reduction`, in the same order as NumPy's backend takes them.
"""

import math
from functools import cache
from typing import Any

import numba
import numpy as np

from adamlab import landscape as parts
from adamlab.backends import Rule, SteppingGradient, advance_by_calls, first_carry, first_state, reported_place
from adamlab.compiled import (
    coefficients_of_step,
    compiles,
    environment_of,
    kept_on_disk,
    measure_compiled,
    refused,
    stretches,
)
from adamlab.landscape import Landscape, given_gradient, landscape_of
from adamlab.numba_arrays import load
from adamlab.numba_language import compile_function, compile_part, in_dtype, in_numba
from adamlab.parameters import numbers_of
from adamlab.problem import Array, Problem
from adamlab.reduction import squared_length
from adamlab.stopping import GOES_ON, Stopping, after_step, at_point


def _gradient(landscape: Landscape) -> Any:
    """``gradient(env, t, theta, data, draws)``: a new array each step, as the rule may keep the last as a state."""
    fill, slope, separable = parts.fill_gradient(landscape), parts.slope(landscape), landscape.separable

    @compile_part
    def gradient(env, t, theta, data, draws):
        g = np.empty_like(theta)
        fill(env, t, theta, data, draws, g)
        for i in range(theta.size):
            g[i] = slope(env, t, i, theta[i], load(data if separable else (g,), i))
        return g

    return gradient


def _clip(landscape: Landscape) -> Any:
    clip = parts.clip(landscape)
    if landscape.box is None:
        return compile_part(lambda x: x)

    @compile_part
    def clipped(x):
        for i in range(x.size):
            x[i] = clip(x[i])
        return x

    return clipped


@cache
def _step_kernel(optimizer: Any, schedule: Any, landscape: Landscape) -> Any:
    """``step(h, s, n_steps, carry, t, g, theta, state)``: one step."""
    of_step = coefficients_of_step(optimizer, schedule)
    update, clip = compile_part(in_numba(optimizer.update)), _clip(landscape)

    @compile_function
    def step(h, s, n_steps, carry, t, g, theta, state):
        c, carry = of_step(h, s, t, n_steps, carry)
        new = update(in_dtype(c, theta.dtype.type(0)), g, theta, *state)
        moved = clip(new[0])
        return squared_length(moved - theta), carry, moved, new[1:]

    return kept_on_disk(step, "step", landscape, optimizer, schedule)


@cache
def _advance_kernel(optimizer: Any, schedule: Any, landscape: Landscape, watches: bool) -> Any:
    """``advance(...)``: steps until one of the ends; see `NumbaVectorStepper.advance` for what it takes."""
    of_step = coefficients_of_step(optimizer, schedule)
    update, clip, gradient = compile_part(in_numba(optimizer.update)), _clip(landscape), _gradient(landscape)
    environment, step_ends = parts.environment(landscape), compile_part(after_step)
    measure = parts.measure_at(landscape.objective, landscape.dtype) if watches else compile_part(_unmeasured)
    point_ends, reported = compile_part(at_point), reported_place(optimizer)

    @compile_function
    def advance(h, s, n_steps, p, q, keys, carry, t, until, limits, theta, state, data, draws):
        step_sq, zero, stopped = math.nan, theta.dtype.type(0), GOES_ON
        env = environment(p, q, keys[0], keys[1], zero)
        while t < until and stopped == GOES_ON:
            t += 1
            c, carry = of_step(h, s, t, n_steps, carry)
            new = update(in_dtype(c, zero), gradient(env, t, theta, data, draws), theta, *state)
            moved = clip(new[0])
            step_sq = squared_length(moved - theta)
            theta, state = moved, new[1:]
            stopped = step_ends(step_sq, limits[0])
            if watches and stopped == GOES_ON:
                loss, gradient_sq = measure(env[0], (theta, *state)[reported], data)
                stopped = point_ends(loss, gradient_sq, limits[1], limits[2])
        return t, step_sq, stopped, carry, theta, state

    return kept_on_disk(advance, "watch" if watches else "advance", landscape, optimizer, schedule)


def _unmeasured(p, x, data):
    return math.nan, math.nan


class NumbaVectorStepper:
    """The rule compiled whole (see `adamlab.backends.Stepper`)."""

    def __init__(self, rule: Rule, problem: Problem | None, theta0: Array) -> None:
        self.t, self.step_sq, self.stopped = 0, math.nan, GOES_ON
        self._shape = theta0.shape
        self._rule, self._problem = rule, problem
        self._optimizer, self._schedule = rule.optimizer.__class__, rule.schedule.__class__
        self._h, self._s = numbers_of(rule.optimizer), numbers_of(rule.schedule)
        self._carry = first_carry(self._optimizer)
        self._theta = np.array(theta0).ravel()
        self._state = first_state(rule.optimizer, self._theta)
        self._given = given_gradient(theta0.dtype.name, None if problem is None else problem.box)

    @property
    def theta(self) -> Array:
        return self._theta.reshape(self._shape).copy()

    @property
    def reported(self) -> Array:
        return self._answer.reshape(self._shape).copy()

    @property
    def _answer(self) -> Array:
        point: Array = (self._theta, *self._state)[reported_place(self._optimizer)]
        return point

    def step(self, gradient: Array) -> None:
        self.t += 1
        g = np.array(gradient, self._theta.dtype).ravel()
        kernel = _step_kernel(self._optimizer, self._schedule, self._given)
        self.step_sq, self._carry, self._theta, self._state = kernel(
            self._h, self._s, self._rule.n_steps, self._carry, self.t, g, self._theta, self._state
        )

    def advance(self, until: int, stopping: Stopping) -> None:
        problem = self._problem
        assert problem is not None
        landscape = landscape_of(problem)
        if landscape is None or not compiles(landscape, self._shape, stopping):
            gradient = SteppingGradient(problem)
            return advance_by_calls(self, lambda: gradient(self.theta, self.t + 1), until, stopping)
        draws = np.empty(problem.objective.n_draws() if landscape.draws and not landscape.separable else 0)
        kernel = _advance_kernel(self._optimizer, self._schedule, landscape, stopping.watches)
        for stop in stretches(self.t, until, self._theta.size):
            try:
                self.t, self.step_sq, self.stopped, self._carry, self._theta, self._state = kernel(
                    self._h, self._s, self._rule.n_steps, *environment_of(problem), self._carry, self.t, stop,
                    stopping.limits, self._theta, self._state, problem.data, draws,
                )  # fmt: skip
            except numba.errors.NumbaError as error:
                refused(error, self._optimizer, problem, landscape)
                return self.advance(until, stopping)
            if self.stopped != GOES_ON:
                break

    def measure(self) -> tuple[float, float, float]:
        assert self._problem is not None
        return measure_compiled(self._problem, self._answer, self._shape)
