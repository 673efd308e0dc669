"""The numba backend: an optimizer's rule and an objective's gradient compiled into one loop.

Nothing here knows a method. A kernel is built around the leaf's own ``coefficients``, ``update`` and ``gradient``,
compiled without any relaxation of floating-point rules, and kept on disk in a folder named after the hash of the
sources it was made from: another process loads it, and no edit can leave a stale one in use.

Why it is fast: the step-dependent scalars cost two multiplications (running powers, no ``pow``); the loop over
coordinates has no branch, and its loads and stores are marked as never overlapping, so it becomes vector code; the
squared length of the step is added up in `adamlab.reduction`'s fixed order from a block that is still in cache.
"""

import hashlib
import inspect
import math
from collections import namedtuple
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from types import FunctionType, ModuleType
from typing import Any

import numba
import numpy as np

from adamlab.backends import (
    Array,
    advance_by_calls,
    first_carry,
    first_state,
    goes_on,
    objective_data,
    reported_place,
    state_names,
)
from adamlab.fingerprint import fingerprint, has_source
from adamlab.kernel_cache import keep_on_disk
from adamlab.numba_language import add_squares, compile_function, in_dtype, in_numba, load, store, sum_of_lanes
from adamlab.reduction import LANES

# Coordinates per block: the block's step lengths stay in the first-level cache until they are added up.
BLOCK = 2048
# Updates of coordinates in one call of a kernel, some hundredths of a second; a step costs as much as 32 besides.
STRETCH, STEP = 20_000_000, 32


@compile_function
def _begin_sum(lanes):
    for k in range(LANES):
        lanes[k] = 0.0


@compile_function
def _add_block(lanes, moved, n, zero):
    padded = (n + LANES - 1) // LANES * LANES
    for k in range(n, padded):
        moved[k] = zero
    add_squares(lanes, moved, padded)


def _sweep(update: Any, gradient: Any, n_state: int) -> Any:
    """One step over all coordinates of ``arrays``: theta, the state, then what the gradient of one needs."""
    update, gradient = compile_function(in_numba(update)), compile_function(gradient)
    last = n_state + 1

    @compile_function
    def sweep(c, p, arrays, lanes, moved):
        size, zero = arrays[0].size, arrays[0].dtype.type(0)
        _begin_sum(lanes)
        for start in range(0, size, BLOCK):
            n = min(BLOCK, size - start)
            for i in range(start, start + n):
                row = load(arrays, i)
                new = update(c, gradient(p, row[0], *row[last:]), *row[:last])
                store(arrays, i, new)
                moved[i - start] = new[0] - row[0]
            _add_block(lanes, moved, n, zero)
        return sum_of_lanes(lanes)

    return sweep


def _given(p, x, g):
    """The gradient of one coordinate when it stands in an array."""
    return g


@cache
def _step_kernel(optimizer: Any) -> Any:
    """``step(h, carry, t, arrays, lanes, moved)``: one step, the gradient being the last of ``arrays``."""
    hyperparameters, coefficients = named_parameters(optimizer), compile_function(optimizer.coefficients)
    sweep = _sweep(optimizer.update, _given, len(state_names(optimizer)))

    @compile_function
    def step(h, carry, t, arrays, lanes, moved):
        c, carry = coefficients(hyperparameters(h), t, *carry)
        return sweep(in_dtype(c, arrays[0].dtype.type(0)), (), arrays, lanes, moved), carry

    return kept(step, f"step-{optimizer.__name__}", optimizer)


@cache
def _advance_kernel(optimizer: Any, gradient: "Gradient") -> Any:
    """``advance(h, p, carry, t, until, tol_sq, arrays, data, lanes, moved)``: steps until one of the ends."""
    hyperparameters, coefficients = named_parameters(optimizer), compile_function(optimizer.coefficients)
    parameters, keep_going = named_parameters(gradient.owner), compile_function(goes_on)
    fill = compile_function(_nothing) if gradient.separable else _fill(gradient.function)
    of_one = gradient.function if gradient.separable else _given
    sweep = _sweep(optimizer.update, of_one, len(state_names(optimizer)))

    @compile_function
    def advance(h, p, carry, t, until, tol_sq, arrays, data, lanes, moved):
        step_sq, zero = math.nan, arrays[0].dtype.type(0)
        h_named, p_named = hyperparameters(h), parameters(in_dtype(p, zero))
        while t < until:
            t += 1
            c, carry = coefficients(h_named, t, *carry)
            fill(p_named, arrays, data)
            step_sq = sweep(in_dtype(c, zero), p_named, arrays, lanes, moved)
            if not keep_going(step_sq, tol_sq):
                break
        return t, step_sq, carry

    owner = getattr(gradient.owner, "__name__", "")
    return kept(advance, f"advance-{optimizer.__name__}-{owner}", optimizer, gradient.owner)


def kept(kernel: Any, name: str, *leaves: Any) -> Any:
    """Keep a kernel made from these leaves on disk; one with code that lies in no file lives as long as the process."""
    if not all(leaf is not None and has_source(leaf.__module__) for leaf in leaves):
        return kernel
    return keep_on_disk(kernel, name, fingerprint(__name__, *(leaf.__module__ for leaf in leaves)))


def _nothing(p, arrays, data):
    pass


def _fill(gradient: Any) -> Any:
    """Evaluate the gradient of all coordinates into the last of ``arrays``."""
    gradient = compile_function(gradient)

    @compile_function
    def fill(p, arrays, data):
        arrays[-1][:] = gradient(p, arrays[0], *data)

    return fill


def named_parameters(cls: Any) -> Any:
    """A compiled constructor of a named tuple with the numeric parameters of ``cls``; () if it has none."""
    names = parameter_names(cls)
    if not names:
        return compile_function(lambda _: ())
    named = namedtuple(cls.__name__, names)  # type: ignore[misc]
    return compile_function(lambda values: named(*values))


@cache
def parameter_names(cls: Any) -> tuple[str, ...]:
    """The fields of a leaf that are its own numbers: all but the dimension, the start and the dtype."""
    own = () if cls is None else fields(cls)
    return tuple(field.name for field in own if field.name not in ("dim", "x0", "dtype"))


def numbers_of(leaf: Any) -> tuple[float, ...]:
    """A leaf's own numbers, in the order of `parameter_names`."""
    return tuple(float(getattr(leaf, name)) for name in parameter_names(leaf.__class__))


@dataclass(frozen=True)
class Gradient:
    """An objective's gradient as a function of (parameters, x, *data), and the class it belongs to, if any."""

    owner: Any
    function: Callable[..., Any]
    separable: bool


@cache
def _gradient_of_leaf(cls: Any, dtype: str) -> Gradient:
    return Gradient(cls, in_numba(cls.gradient, dtype), cls.separable)


@lru_cache(maxsize=64)
def _gradient_of_user(function: Callable[..., Any], captured: Hashable) -> Gradient:
    """``captured`` are the values that compiling freezes: another value is another kernel."""
    compiled = compile_function(function)
    return Gradient(None, lambda _, x: compiled(x), separable=False)


# Users' gradients that Numba has refused.
not_compilable: set[Callable[..., Any]] = set()


def gradient_of(objective: Any) -> Gradient | None:
    """What to compile for an objective's gradient, or None if it can only be called."""
    function: Any = objective.gradient
    own_method = inspect.ismethod(function) and function.__self__ is objective
    if own_method:
        return _gradient_of_leaf(objective.__class__, objective.dtype)
    if not isinstance(function, FunctionType) or function in not_compilable:
        return None
    captured = _captured(function)
    return None if captured is None else _gradient_of_user(function, captured)


def _captured(function: FunctionType) -> Hashable | None:
    """The outside values a function uses, as something to compare them by; None if one may change unnoticed."""
    outside = inspect.getclosurevars(function)
    values = []
    for name, value in sorted({**outside.globals, **outside.nonlocals}.items()):
        if isinstance(value, np.ndarray):
            values.append((name, value.shape, value.dtype.str, hashlib.sha256(value.tobytes()).hexdigest()))
        elif isinstance(value, bool | int | float | complex | np.number):
            values.append((name, type(value).__name__, "", repr(value)))
        elif not isinstance(value, ModuleType | np.ufunc | numba.core.dispatcher.Dispatcher):
            return None
    return tuple(values)


class NumbaStepper:
    """The rule in compiled loops (see `adamlab.backends.Stepper`)."""

    def __init__(self, optimizer: Any, objective: Any, theta0: Array) -> None:
        self.t = 0
        self.step_sq = math.nan
        self._shape = theta0.shape
        self._optimizer, self._objective = optimizer.__class__, objective
        self._h = numbers_of(optimizer)
        self._carry = first_carry(optimizer.__class__)
        theta = np.array(theta0).ravel()
        self._arrays = (theta, *(np.ascontiguousarray(start).ravel() for start in first_state(optimizer, theta)))
        self._lanes, self._moved = np.empty(LANES), np.empty(BLOCK, theta.dtype)

    @property
    def theta(self) -> Array:
        return self._arrays[0].reshape(self._shape).copy()

    @property
    def reported(self) -> Array:
        return self._arrays[reported_place(self._optimizer)].reshape(self._shape).copy()

    def step(self, gradient: Array) -> None:
        self.t += 1
        arrays = (*self._arrays, np.ascontiguousarray(gradient, self._moved.dtype).ravel())
        kernel = _step_kernel(self._optimizer)
        self.step_sq, self._carry = kernel(self._h, self._carry, self.t, arrays, self._lanes, self._moved)

    def advance(self, until: int, tol_sq: float) -> None:
        gradient = gradient_of(self._objective)
        if gradient is None or len(self._shape) != 1:
            return advance_by_calls(self, lambda: self._objective.gradient(self.theta), until, tol_sq)
        data = objective_data(self._objective)
        beside, whole = (data, ()) if gradient.separable else ((np.empty_like(self._arrays[0]),), data)
        arrays, p = (*self._arrays, *beside), () if gradient.owner is None else numbers_of(self._objective)
        advance = _advance_kernel(self._optimizer, gradient)
        for stop in stretches(self.t, until, self._arrays[0].size):
            try:
                self.t, self.step_sq, self._carry = advance(
                    self._h, p, self._carry, self.t, stop, tol_sq, arrays, whole, self._lanes, self._moved
                )
            except numba.errors.NumbaError as error:
                refused(error, self._optimizer, self._objective, gradient)
                return self.advance(until, tol_sq)
            if not goes_on(self.step_sq, tol_sq):
                break


def stretches(t: int, until: int, dim: int) -> Iterator[int]:
    """Where to pause on the way from step ``t`` to ``until``: an interrupt is heard between two calls only."""
    length = max(1, STRETCH // (dim + STEP))
    while t < until:
        t = min(until, t + length)
        yield t


def refused(error: Exception, optimizer: Any, objective: Any, gradient: Gradient) -> None:
    """Remember that Numba cannot compile a user's gradient, which is called then; a leaf that it cannot is an error."""
    if gradient.owner is None and objective.gradient not in not_compilable:
        not_compilable.add(objective.gradient)
        return
    lines = [line.strip() for line in str(error).splitlines()]
    reason = next((line for line in lines if line and not line.startswith("Failed in")), "no reason given")
    raise TypeError(f"{optimizer.__name__}: Numba cannot compile it: {reason}") from None
