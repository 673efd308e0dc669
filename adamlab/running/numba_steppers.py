"""The numba backend: steps in compiled kernels, of rules that act on coordinates and of rules that act on vectors."""

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

# Updates of coordinates in one call of a kernel, some hundredths of a second; a step costs as much as 32 besides.
STRETCH, STEP = 20_000_000, 32
# Coordinates from which a step is shared out among threads: below, waking them costs more than they save.
SHARED_FROM = 1 << 19


class NumbaStepper:
    """The rule in compiled loops (see `adamlab.running.stepping.Stepper`)."""

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
        """One step, shared out among threads where that pays; block by block, so in the same order as alone."""
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
    """The rule compiled whole (see `adamlab.running.stepping.Stepper`)."""

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
    """Whether there is a kernel: a user's whole gradient is compiled for vectors, and no user's value is."""
    if code.objective is None and stopping.watches:
        return False
    return code.separable or len(shape) == 1


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """Threads for kernels, which run without Python's lock."""
    return ThreadPoolExecutor(threads, thread_name_prefix="adamlab")


def environment_of(problem: Problem) -> tuple[Any, ...]:
    """A problem's own numbers as kernels take them: the objective's, the noise's, and the keys of the two streams."""
    p = numbers_of_problem(problem)
    q = () if problem.noise is None else numbers_of(problem.noise)
    return p, q, (problem.key("samples"), problem.key("noise"))


def measure_compiled(problem: Problem, x: Array, shape: tuple[int, ...]) -> tuple[float, float, float]:
    """`Problem.measure` in compiled code, where the objective is a leaf."""
    objective = problem.objective
    if isinstance(objective, FunctionPair):
        return problem.measure(x.reshape(shape))
    code = code_of(Problem(objective))
    kernel: Callable[..., tuple[float, float, float]] = measure_kernel(code)
    return kernel(numbers_of(objective), x, problem.data, problem.minimisers)


def stretches(t: int, until: int, dim: int) -> Iterator[int]:
    """Where to pause on the way from step ``t`` to ``until``: an interrupt is heard between two calls only."""
    length = max(1, STRETCH // (dim + STEP))
    while t < until:
        if INTERRUPTED.is_set():
            raise KeyboardInterrupt
        t = min(until, t + length)
        yield t


def refused(error: Exception, optimizer: Any, problem: Problem, code: ObjectiveCode) -> None:
    """Remember that Numba cannot compile a user's gradient, which is called then; a leaf that it cannot is an error."""
    lines = [line.strip() for line in str(error).splitlines()]
    reason = next((line for line in lines if line and not line.startswith("Failed in")), "no reason given")
    gradient = problem.objective.gradient
    if code.objective is None and gradient not in not_compilable:
        not_compilable.add(gradient)
        say_called(gradient, f"Numba cannot compile it: {reason}")
        return
    raise TypeError(f"{optimizer.__name__}: Numba cannot compile it: {reason}") from None
