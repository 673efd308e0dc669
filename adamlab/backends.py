"""Three ways to take a step with any rule: number by number, array by array, or in a compiled loop.

A stepper holds one run's iterate, the optimizer's state and the step count. All three call the optimizer's own
``coefficients`` and ``update``, and all take the squared length of a step in the order of `adamlab.reduction`; they
agree to the last bit. ``numba`` lives in `adamlab.compiled`, because importing it takes a while.
"""

import copy
import math
from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any, Protocol

import numpy as np

from adamlab.problem import Array, Problem
from adamlab.reduction import squared_length
from adamlab.schedules.constant import Constant
from adamlab.stopping import GOES_ON, Stopping, after_step, at_point
from adamlab.subnormal import flushed


class Stepper(Protocol):
    """One run under way.

    ``t`` counts steps, ``step_sq`` is the squared L2 length of the last (nan before it), ``stopped`` says why the run
    has ended (`adamlab.stopping`).
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


def stepper(
    backend: str,
    optimizer: Any,
    problem: Problem | None,
    theta0: Array,
    schedule: Any = None,
    n_steps: int = 1,
    threads: int = 1,
) -> Stepper:
    """A stepper of the named backend that starts at ``theta0`` (copied).

    ``problem`` is what `Stepper.advance` takes gradients of; with None there is only `Stepper.step`. ``schedule`` is a
    leaf of `adamlab.schedules` (None: constant) over ``n_steps`` steps. ``threads`` share a large step of the numba
    backend. A rule that acts on a whole vector is NumPy's
    business on the python backend, and one that acts on a matrix on all: its time is in products of matrices, which
    every backend would hand to the same library.
    """
    rule = Rule(optimizer, Constant() if schedule is None else schedule, n_steps)
    if acts_on(optimizer) == "matrix" or (backend == "python" and acts_on(optimizer) == "vector"):
        return NumpyStepper(rule, problem, theta0)
    if backend == "numba" and acts_on(optimizer) == "vector":
        from adamlab.compiled_vector import NumbaVectorStepper

        return NumbaVectorStepper(rule, problem, theta0)
    if backend == "numba":
        from adamlab.compiled import NumbaStepper

        return NumbaStepper(rule, problem, theta0, threads)
    if backend == "numpy":
        return NumpyStepper(rule, problem, theta0)
    return PythonStepper(rule, problem, theta0)


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
    compiled generator on every backend (`adamlab.philox`).
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
        from adamlab.compiled_noise import add_noise

        return add_noise(problem.noise, self._keys[1], t, np.array(g, theta.dtype))

    def _draws(self, objective: Any, theta: Array, t: int) -> Array:
        size = theta.size if objective.separable else objective.n_draws()
        if objective.draws is None:
            return np.zeros(size, theta.dtype)
        from adamlab.compiled_noise import draws

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


class NumpyStepper:
    """The rule on whole arrays."""

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
        # A rule may keep the gradient as a state, and the caller may use the array again.
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
    """The shape in which a rule sees theta: a vector rule one axis, a matrix rule two (a vector is one column)."""
    if acts_on(optimizer) == "vector":
        return (theta0.size,)
    if acts_on(optimizer) == "matrix" and theta0.ndim != 2:
        return (problem and problem.shape) or (theta0.size, 1)
    return theta0.shape


class PythonStepper:
    """The rule on one number after another, in a Python loop.

    The numbers are NumPy scalars, whose arithmetic is IEEE's in float32 as in float64 (Python's own float raises
    where IEEE gives an infinity, and knows one precision only).
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
