"""The numba backend for rules that act on a whole vector: LAMB's norms, a cautious mask's mean, and the like.

The rule is compiled as it stands, whole arrays and all, into the loop over steps; its sums are those of
`adamlab.reduction`, in the same order as NumPy's backend takes them.
"""

import math
from functools import cache
from typing import Any

import numba
import numpy as np

from adamlab.backends import Array, advance_by_calls, first_carry, first_state, goes_on, objective_data, reported_place
from adamlab.compiled import Gradient, gradient_of, kept, named_parameters, numbers_of, refused, stretches
from adamlab.numba_language import compile_function, in_dtype, in_numba
from adamlab.reduction import squared_length


@cache
def _step_kernel(optimizer: Any) -> Any:
    """``step(h, carry, t, g, theta, state)``: one step."""
    hyperparameters, coefficients = named_parameters(optimizer), compile_function(optimizer.coefficients)
    update = compile_function(in_numba(optimizer.update))

    @compile_function
    def step(h, carry, t, g, theta, state):
        c, carry = coefficients(hyperparameters(h), t, *carry)
        new = update(in_dtype(c, theta.dtype.type(0)), g, theta, *state)
        return squared_length(new[0] - theta), carry, new[0], new[1:]

    return kept(step, f"step-{optimizer.__name__}", optimizer)


@cache
def _advance_kernel(optimizer: Any, gradient: Gradient) -> Any:
    """``advance(h, p, carry, t, until, tol_sq, theta, state, data)``: steps until one of the ends."""
    hyperparameters, coefficients = named_parameters(optimizer), compile_function(optimizer.coefficients)
    parameters, keep_going = named_parameters(gradient.owner), compile_function(goes_on)
    update, slope = compile_function(in_numba(optimizer.update)), compile_function(gradient.function)

    @compile_function
    def advance(h, p, carry, t, until, tol_sq, theta, state, data):
        step_sq, zero = math.nan, theta.dtype.type(0)
        h_named, p_named = hyperparameters(h), parameters(in_dtype(p, zero))
        while t < until:
            t += 1
            c, carry = coefficients(h_named, t, *carry)
            # A new array each step, because the rule may keep the last one as a state.
            g = np.empty_like(theta)
            g[:] = slope(p_named, theta, *data)
            new = update(in_dtype(c, zero), g, theta, *state)
            step_sq = squared_length(new[0] - theta)
            theta, state = new[0], new[1:]
            if not keep_going(step_sq, tol_sq):
                break
        return t, step_sq, carry, theta, state

    owner = getattr(gradient.owner, "__name__", "")
    return kept(advance, f"advance-{optimizer.__name__}-{owner}", optimizer, gradient.owner)


class NumbaVectorStepper:
    """The rule compiled whole (see `adamlab.backends.Stepper`)."""

    def __init__(self, optimizer: Any, objective: Any, theta0: Array) -> None:
        self.t = 0
        self.step_sq = math.nan
        self._shape = theta0.shape
        self._optimizer, self._objective = optimizer.__class__, objective
        self._h = numbers_of(optimizer)
        self._carry = first_carry(optimizer.__class__)
        self._theta = np.array(theta0).ravel()
        self._state = first_state(optimizer, self._theta)

    @property
    def theta(self) -> Array:
        return self._theta.reshape(self._shape).copy()

    @property
    def reported(self) -> Array:
        point: Array = (self._theta, *self._state)[reported_place(self._optimizer)]
        return point.reshape(self._shape).copy()

    def step(self, gradient: Array) -> None:
        self.t += 1
        g = np.array(gradient, self._theta.dtype).ravel()
        kernel = _step_kernel(self._optimizer)
        self.step_sq, self._carry, self._theta, self._state = kernel(
            self._h, self._carry, self.t, g, self._theta, self._state
        )

    def advance(self, until: int, tol_sq: float) -> None:
        gradient = gradient_of(self._objective)
        if gradient is None or len(self._shape) != 1:
            return advance_by_calls(self, lambda: self._objective.gradient(self.theta), until, tol_sq)
        data = objective_data(self._objective)
        p = () if gradient.owner is None else numbers_of(self._objective)
        advance = _advance_kernel(self._optimizer, gradient)
        for stop in stretches(self.t, until, self._theta.size):
            try:
                self.t, self.step_sq, self._carry, self._theta, self._state = advance(
                    self._h, p, self._carry, self.t, stop, tol_sq, self._theta, self._state, data
                )
            except numba.errors.NumbaError as error:
                refused(error, self._optimizer, self._objective, gradient)
                return self.advance(until, tol_sq)
            if not goes_on(self.step_sq, tol_sq):
                break
