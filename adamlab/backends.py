"""Three ways to take a step with any rule: number by number, array by array, or in a compiled loop.

A stepper holds one run's iterate, the optimizer's state and the step count. All three call the optimizer's own
``coefficients`` and ``update``, and all take the squared length of a step in the order of `adamlab.reduction`; they
agree to the last bit. ``numba`` lives in `adamlab.compiled`, because importing it takes a while.
"""

import math
from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from adamlab.reduction import squared_length

Array = NDArray[np.floating[Any]]


class Stepper(Protocol):
    """One run under way. ``t`` counts steps, ``step_sq`` is the squared L2 length of the last (nan before it)."""

    t: int
    step_sq: float

    @property
    def theta(self) -> Array:
        """A copy of the iterate, where the next gradient belongs."""

    @property
    def reported(self) -> Array:
        """A copy of the point the method gives as its answer: the iterate, unless the leaf names a state."""

    def step(self, gradient: Array) -> None:
        """Take one step with ``gradient``, an array of theta's shape and dtype, which is left alone."""

    def advance(self, until: int, tol_sq: float) -> None:
        """Take steps up to number ``until``; stop after one with ``step_sq`` below ``tol_sq`` or not finite."""


def stepper(backend: str, optimizer: Any, objective: Any, theta0: Array) -> Stepper:
    """A stepper of the named backend that starts at ``theta0`` (copied).

    ``objective`` is what `advance` takes gradients of; with None there is only `Stepper.step`. A rule that acts on a
    whole vector is NumPy's business on the python backend, and one that acts on a matrix on all: its time is in
    products of matrices, which every backend would hand to the same library.
    """
    if acts_on(optimizer) == "matrix" or (backend == "python" and acts_on(optimizer) == "vector"):
        return NumpyStepper(optimizer, objective, theta0)
    if backend == "numba" and acts_on(optimizer) == "vector":
        from adamlab.compiled_vector import NumbaVectorStepper

        return NumbaVectorStepper(optimizer, objective, theta0)
    if backend == "numba":
        from adamlab.compiled import NumbaStepper

        return NumbaStepper(optimizer, objective, theta0)
    if backend == "numpy":
        return NumpyStepper(optimizer, objective, theta0)
    return PythonStepper(optimizer, objective, theta0)


def acts_on(optimizer: Any) -> str:
    """What an optimizer's ``update`` works on: a ``coordinate`` (or any array of them), a ``vector``, a ``matrix``."""
    return str(getattr(optimizer, "acts_on", "coordinate"))


@cache
def state_names(optimizer: Any) -> tuple[str, ...]:
    """The names of an optimizer class's state: the parameters of ``update`` after ``c``, ``g`` and ``theta``."""
    return tuple(signature(optimizer.update).parameters)[3:]


@cache
def first_carry(optimizer: Any) -> tuple[float, ...]:
    """What ``coefficients`` of an optimizer class receives at step 1 after ``t``: the defaults of its parameters."""
    return tuple(float(p.default) for p in list(signature(optimizer.coefficients).parameters.values())[2:])


def first_state(optimizer: Any, theta0: Array) -> tuple[Any, ...]:
    """An optimizer's state before step 1: its ``first_state``, or zeros; arrays in theta0's dtype, numbers float64."""
    if hasattr(optimizer, "first_state"):
        states = optimizer.first_state(theta0)
        return tuple(np.array(start, theta0.dtype) if np.ndim(start) else float(start) for start in states)
    return tuple(np.zeros_like(theta0) for _ in state_names(optimizer.__class__))


@cache
def reported_place(optimizer: Any) -> int:
    """Where the reported point stands in ``(theta, *state)`` of an optimizer class; see its ``reports``."""
    return 1 + state_names(optimizer).index(optimizer.reports) if hasattr(optimizer, "reports") else 0


def objective_data(objective: Any) -> tuple[Array, ...]:
    """The arrays an objective's functions take after ``x``, floating ones in its dtype."""
    arrays = objective.data() if hasattr(objective, "data") else ()
    return tuple(np.ascontiguousarray(a, objective.dtype if a.dtype.kind == "f" else a.dtype) for a in arrays)


def goes_on(step_sq: float, tol_sq: float) -> bool:
    """Whether a run continues after a step of this squared length: long enough, and finite."""
    return tol_sq <= step_sq < math.inf


def advance_by_calls(run: Stepper, gradient: Callable[[], Array], until: int, tol_sq: float) -> None:
    """`Stepper.advance` by one call of ``gradient`` and one of ``step`` after another."""
    while run.t < until:
        with np.errstate(all="ignore"):
            g = gradient()
        run.step(g)
        if not goes_on(run.step_sq, tol_sq):
            break


class NumpyStepper:
    """The rule on whole arrays."""

    def __init__(self, optimizer: Any, objective: Any, theta0: Array) -> None:
        self.t = 0
        self.step_sq = math.nan
        self._optimizer, self._objective = optimizer, objective
        self._shape = theta0.shape
        self._theta = np.array(theta0).reshape(_working_shape(optimizer, theta0))
        self._state = first_state(optimizer, self._theta)
        self._carry = first_carry(optimizer.__class__)
        self._data = () if objective is None else objective_data(objective)

    @property
    def theta(self) -> Array:
        return self._theta.reshape(self._shape).copy()

    @property
    def reported(self) -> Array:
        point: Array = (self._theta, *self._state)[reported_place(self._optimizer.__class__)]
        return point.reshape(self._shape).copy()

    def step(self, gradient: Array) -> None:
        self.t += 1
        # A rule may keep the gradient as a state, and the caller may use the array again.
        gradient = np.array(gradient, self._theta.dtype).reshape(self._theta.shape)
        c, self._carry = self._optimizer.coefficients(self.t, *self._carry)
        with np.errstate(all="ignore"):
            c = c._make(map(self._theta.dtype.type, c))
            theta, *state = self._optimizer.update(c, gradient, self._theta, *self._state)
            self.step_sq = squared_length(theta - self._theta)
        self._theta, self._state = theta, tuple(state)

    def advance(self, until: int, tol_sq: float) -> None:
        advance_by_calls(self, lambda: self._objective.gradient(self.theta, *self._data), until, tol_sq)


def _working_shape(optimizer: Any, theta0: Array) -> tuple[int, ...]:
    """The shape in which a rule sees theta: a vector rule one axis, a matrix rule two (a vector is one column)."""
    if acts_on(optimizer) == "vector":
        return (theta0.size,)
    if acts_on(optimizer) == "matrix" and theta0.ndim != 2:
        return (theta0.size, 1)
    return theta0.shape


class PythonStepper:
    """The rule on one number after another, in a Python loop.

    The numbers are NumPy scalars, whose arithmetic is IEEE's in float32 as in float64 (Python's own float raises
    where IEEE gives an infinity, and knows one precision only).
    """

    def __init__(self, optimizer: Any, objective: Any, theta0: Array) -> None:
        self.t = 0
        self.step_sq = math.nan
        self._optimizer, self._objective = optimizer, objective
        self._shape, self._number = theta0.shape, theta0.dtype.type
        self._theta = list(theta0.ravel())
        arrays = [start.ravel() for start in first_state(optimizer, theta0)]
        self._state: list[Any] = [list(row) for row in zip(*arrays, strict=True)] or [[]] * theta0.size
        self._carry = first_carry(optimizer.__class__)
        self._data = () if objective is None else objective_data(objective)

    @property
    def theta(self) -> Array:
        return np.array(self._theta).reshape(self._shape)

    @property
    def reported(self) -> Array:
        place = reported_place(self._optimizer.__class__)
        rows = zip(self._theta, self._state, strict=True)
        return np.array([(theta, *state)[place] for theta, state in rows], self._number).reshape(self._shape)

    def step(self, gradient: Array) -> None:
        self.t += 1
        c, self._carry = self._optimizer.coefficients(self.t, *self._carry)
        with np.errstate(all="ignore"):
            c = c._make(map(self._number, c))
        update, before = self._optimizer.update, self._theta
        rows = zip(np.asarray(gradient, self._number).ravel(), before, self._state, strict=True)
        with np.errstate(all="ignore"):
            moved = [update(c, g, x, *state) for g, x, state in rows]
            self._theta = [self._number(theta) for theta, *_ in moved]
            self._state = [state for _, *state in moved]
            self.step_sq = squared_length(np.array(self._theta) - np.array(before))

    def advance(self, until: int, tol_sq: float) -> None:
        advance_by_calls(self, self._gradient, until, tol_sq)

    def _gradient(self) -> Array:
        if not self._objective.separable:
            return self._objective.gradient(self.theta, *self._data)  # type: ignore[no-any-return]
        one, rows = self._objective.gradient, zip(self._theta, *self._data, strict=True)
        return np.array([one(x, *row) for x, *row in rows], self._number)
