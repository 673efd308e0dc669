"""The numba backend: the steppers that execute rules on coordinates and rules on vectors in compiled kernels."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np

from adamlab.compiler.alignment import aligned, aligned_copies, lanes
from adamlab.compiler.objective_code import (
    ObjectiveCode,
    code_of,
    given_gradient,
    not_compilable,
    numbers_of_problem,
    say_called,
)
from adamlab.compiler.run_kernels import CompilationError, advance_kernel, measure_kernel, span_kernel
from adamlab.compiler.vector_run_kernels import advance_kernel_of_vector, step_kernel_of_vector
from adamlab.problems.problem import Array, FunctionPair, Problem
from adamlab.rules.methods import first_carry, first_state, reported_place
from adamlab.rules.parameters import numbers_of
from adamlab.rules.reduction import BLOCK, total
from adamlab.rules.stopping import GOES_ON, INTERRUPTED, Stopping, after_step
from adamlab.running.stepping import Rule, SteppingGradient, advance_by_calls

# Coordinate updates in one call of a kernel, which takes some hundredths of a second. The fixed cost of a step is that
# of 32 coordinate updates.
STRETCH, STEP = 20_000_000, 32
# Number of coordinates from which threads share a step: below it, waking them costs more than they save.
SHARED_FROM = 1 << 19


class NumbaStepper:
    """A run of a rule on coordinates in compiled loops (see `adamlab.running.stepping.Stepper`)."""

    def __init__(self, rule: Rule, problem: Problem | None, theta0: Array, threads: int = 1) -> None:
        self.t, self.step_sq, self.stopped = 0, math.nan, GOES_ON
        self._shape, self._threads = theta0.shape, threads
        self._rule, self._problem = rule, problem
        self._optimizer, self._schedule = rule.optimizer.__class__, rule.schedule.__class__
        self._h, self._s = numbers_of(rule.optimizer), numbers_of(rule.schedule)
        self._carry = first_carry(self._optimizer)
        theta = np.ravel(theta0)
        self._arrays = aligned_copies((theta, *first_state(rule.optimizer, theta)))
        self._sums = np.empty(max(1, -(-theta.size // BLOCK)))
        self._lanes = lanes(len(self._arrays))
        self._given = given_gradient(theta.dtype.name, None if problem is None else problem.box)

    @property
    def theta(self) -> Array:
        return self._arrays[0].reshape(self._shape).copy()

    @property
    def reported(self) -> Array:
        return self._arrays[reported_place(self._optimizer)].reshape(self._shape).copy()

    def step(self, gradient: Array) -> None:
        g = np.ascontiguousarray(gradient, self._arrays[0].dtype).ravel()
        self._step_in_spans(self._given, (*self._arrays, g), ((), (), (np.uint64(0), np.uint64(0))))

    def advance(self, until: int, stopping: Stopping) -> None:
        problem = self._problem
        assert problem is not None
        code = code_of(problem)
        if code is None or not compiles(code, self._shape, stopping):
            gradient = SteppingGradient(problem)
            return advance_by_calls(self, lambda: gradient(self.theta, self.t + 1), until, stopping)
        size, data = self._arrays[0].size, problem.data
        own = environment_of(problem)
        if code.separable and size >= SHARED_FROM and self._threads > 1 and not stopping.watches:
            return self._advance_in_spans(code, (*self._arrays, *data), own, until, stopping)
        draws = np.empty(problem.objective.n_draws() if code.draws and not code.separable else 0)
        gradients = () if code.separable else (aligned(size, self._arrays[0].dtype, len(self._arrays)),)
        beside, whole = (data, ()) if code.separable else (gradients, data)
        kernel = advance_kernel(self._optimizer, self._schedule, code, stopping.watches)
        for stop in stretches(self.t, until, size):
            try:
                self.t, self.step_sq, self.stopped, self._carry = kernel(
                    self._h, self._s, self._rule.n_steps, *own, self._carry, self.t, stop, stopping.limits,
                    (*self._arrays, *beside), whole, draws, self._lanes, self._sums,
                )  # fmt: skip
            except CompilationError as error:
                refused(error, self._optimizer, problem, code)
                return self.advance(until, stopping)
            if self.stopped != GOES_ON:
                break

    def measure(self) -> tuple[float, float, float]:
        assert self._problem is not None
        return measure_compiled(self._problem, self._arrays[reported_place(self._optimizer)], self._shape)

    def _advance_in_spans(self, code: ObjectiveCode, arrays: Any, own: Any, until: int, stopping: Stopping) -> None:
        while self.t < until and self.stopped == GOES_ON:
            self._step_in_spans(code, arrays, own)
            self.stopped = after_step(self.step_sq, stopping.limits[0])

    def _step_in_spans(self, code: ObjectiveCode, arrays: Any, own: Any) -> None:
        """Take one step, shared among threads if it is large.

        Threads work on whole blocks, so the order of summation is that of one thread.
        """
        self.t += 1
        kernel, blocks = span_kernel(self._optimizer, self._schedule, code), self._sums.size
        shares = self._threads if arrays[0].size >= SHARED_FROM else 1
        bounds = [blocks * k // shares for k in range(shares + 1)]
        work = partial(kernel, self._h, self._s, self._rule.n_steps, *own, self._carry, self.t, arrays)
        others = [
            pool(shares).submit(work, first, end, lanes(len(self._arrays)), self._sums)
            for first, end in pairwise(bounds[1:])
        ]
        self._carry = work(bounds[0], bounds[1], self._lanes, self._sums)
        for other in others:
            other.result()
        self.step_sq = total(self._sums)


class NumbaVectorStepper:
    """A run of a rule on whole vectors, compiled as it is (see `adamlab.running.stepping.Stepper`)."""

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
        kernel = step_kernel_of_vector(self._optimizer, self._schedule, self._given)
        self.step_sq, self._carry, self._theta, self._state = kernel(
            self._h, self._s, self._rule.n_steps, self._carry, self.t, g, self._theta, self._state
        )

    def advance(self, until: int, stopping: Stopping) -> None:
        problem = self._problem
        assert problem is not None
        code = code_of(problem)
        if code is None or not compiles(code, self._shape, stopping):
            gradient = SteppingGradient(problem)
            return advance_by_calls(self, lambda: gradient(self.theta, self.t + 1), until, stopping)
        draws = np.empty(problem.objective.n_draws() if code.draws and not code.separable else 0)
        kernel = advance_kernel_of_vector(self._optimizer, self._schedule, code, stopping.watches)
        for stop in stretches(self.t, until, self._theta.size):
            try:
                self.t, self.step_sq, self.stopped, self._carry, self._theta, self._state = kernel(
                    self._h, self._s, self._rule.n_steps, *environment_of(problem), self._carry, self.t, stop,
                    stopping.limits, self._theta, self._state, problem.data, draws,
                )  # fmt: skip
            except CompilationError as error:
                refused(error, self._optimizer, problem, code)
                return self.advance(until, stopping)
            if self.stopped != GOES_ON:
                break

    def measure(self) -> tuple[float, float, float]:
        assert self._problem is not None
        return measure_compiled(self._problem, self._answer, self._shape)


def compiles(code: ObjectiveCode, shape: tuple[int, ...], stopping: Stopping) -> bool:
    """Return whether a compiled kernel exists for these runs.

    Parameters
    ----------
    code : ObjectiveCode
        What is compiled of the problem.
    shape : tuple of int
        Shape of theta.
    stopping : Stopping
        The stopping rules.

    Returns
    -------
    bool
        False if the loss or the exact gradient of a user's functions must be known after every step, because a user's
        value function is not compiled; and for a gradient that is not separable if theta is not a vector.
    """
    if code.objective is None and stopping.watches:
        return False
    return code.separable or len(shape) == 1


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """Return a pool of threads for kernels, which release Python's global interpreter lock.

    Parameters
    ----------
    threads : int
        Number of threads.

    Returns
    -------
    ThreadPoolExecutor
        The same one in each call with this number.
    """
    return ThreadPoolExecutor(threads, thread_name_prefix="adamlab")


def environment_of(problem: Problem) -> tuple[Any, ...]:
    """Return the numbers of a problem that kernels take.

    Parameters
    ----------
    problem : Problem
        Objective, noise and seed.

    Returns
    -------
    objective, noise : tuple of float
        Parameters of the objective and of the noise.
    keys : tuple of (numpy.uint64, numpy.uint64)
        Keys of the random streams for samples and for noise.
    """
    p = numbers_of_problem(problem)
    q = () if problem.noise is None else numbers_of(problem.noise)
    return p, q, (problem.key("samples"), problem.key("noise"))


def measure_compiled(problem: Problem, x: Array, shape: tuple[int, ...]) -> tuple[float, float, float]:
    """Return what `Problem.measure` returns, in compiled code unless the objective is given as functions.

    Parameters
    ----------
    problem : Problem
        The problem.
    x : ndarray, one axis
        The point.
    shape : tuple of int
        Shape in which a user's functions take the point.

    Returns
    -------
    loss, gradient_sq, distance_sq : float
        As in `adamlab.running.stepping.Stepper.measure`.
    """
    objective = problem.objective
    if isinstance(objective, FunctionPair):
        return problem.measure(x.reshape(shape))
    code = code_of(Problem(objective))
    kernel: Callable[..., tuple[float, float, float]] = measure_kernel(code)
    return kernel(numbers_of(objective), x, problem.data, problem.minimisers)


def stretches(t: int, until: int, dim: int) -> Iterator[int]:
    """Yield the steps at which a run from step ``t`` to ``until`` returns from compiled code to Python.

    Python handles an interrupt only between two calls of a kernel.

    Parameters
    ----------
    t, until : int
        Numbers of the last step taken and of the last step to take.
    dim : int
        Number of coordinates.

    Yields
    ------
    int
        Number of the step that the next call goes to.

    Raises
    ------
    KeyboardInterrupt
        If `adamlab.rules.stopping.INTERRUPTED` is set.
    """
    length = max(1, STRETCH // (dim + STEP))
    while t < until:
        if INTERRUPTED.is_set():
            raise KeyboardInterrupt
        t = min(until, t + length)
        yield t


def refused(error: Exception, optimizer: Any, problem: Problem, code: ObjectiveCode) -> None:
    """Handle the failed compilation of a kernel.

    If the gradient is a user's, it is remembered as one that Numba cannot compile, a warning says so, and from then on
    it is called at each step.

    Parameters
    ----------
    error : Exception
        What Numba raised.
    optimizer : type
        Class of the optimizer.
    problem : Problem
        The problem.
    code : ObjectiveCode
        What was to be compiled of the problem.

    Raises
    ------
    TypeError
        If the objective is one of the package's, or the gradient has been refused before.
    """
    lines = [line.strip() for line in str(error).splitlines()]
    reason = next((line for line in lines if line and not line.startswith("Failed in")), "no reason given")
    gradient = problem.objective.gradient
    if code.objective is None and gradient not in not_compilable:
        not_compilable.add(gradient)
        say_called(gradient, f"Numba cannot compile it: {reason}")
        return
    raise TypeError(f"{optimizer.__name__}: Numba cannot compile it: {reason}") from None
