"""The numba backend: an optimizer's rule and an objective's gradient compiled into one loop.

Nothing here knows a method. A kernel is built around the leaf's own ``coefficients``, ``update`` and ``gradient``,
compiled without any relaxation of floating-point rules, and kept on disk in a folder named after the hash of the
sources it was made from: another process loads it, and no edit can leave a stale one in use.

Why it is fast: the step-dependent scalars cost two multiplications (running powers, no ``pow``); the loop over
coordinates has no branch, and its loads and stores are marked as never overlapping, so it becomes vector code; the
squared length of the step is added up in `adamlab.reduction`'s fixed order, whose lanes stay in registers; and what
is divided by a number of the step, as bias corrections do, is multiplied (`adamlab.exact_division`).
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numba
import numpy as np

from adamlab import landscape as parts
from adamlab.alignment import aligned, aligned_copies, lanes
from adamlab.backends import (
    Rule,
    SteppingGradient,
    advance_by_calls,
    first_carry,
    first_state,
    reported_place,
    state_names,
)
from adamlab.compiled_sweep import sum_of_sums, sweep_over_blocks
from adamlab.fingerprint import fingerprint, has_source
from adamlab.kernel_cache import keep_on_disk
from adamlab.landscape import Landscape, given_gradient, landscape_of, not_compilable, say_called
from adamlab.numba_arrays import align_stack
from adamlab.numba_language import compile_loop, compile_part, flushed, in_dtype, in_numba
from adamlab.parameters import named_parameters, numbers_of, parameter_names
from adamlab.problem import Array, FunctionPair, Problem
from adamlab.reduction import BLOCK, total
from adamlab.schedules.constant import Constant
from adamlab.stopping import GOES_ON, INTERRUPTED, Stopping, after_step, at_point
from adamlab.subnormal import FLUSH_EVERY

# Updates of coordinates in one call of a kernel, some hundredths of a second; a step costs as much as 32 besides.
STRETCH, STEP = 20_000_000, 32
# Coordinates from which a step is shared out among threads: below, waking them costs more than they save.
SHARED_FROM = 1 << 19


@cache
def coefficients_of_step(optimizer: Any, schedule: Any) -> Any:
    """``of_step(h, s, t, n_steps, carry)``: see `adamlab.backends.Rule.coefficients`."""
    unflushed = unflushed_coefficients(optimizer, schedule)

    @compile_loop
    def of_step(h, s, t, n_steps, carry):
        return unflushed(h, s, t, n_steps, flushed(carry) if t % FLUSH_EVERY == 0 else carry)

    return of_step


@cache
def unflushed_coefficients(optimizer: Any, schedule: Any) -> Any:
    """``of_step`` of `coefficients_of_step`, but for `adamlab.subnormal.flushed`."""
    named, coefficients = _named_at_step(optimizer, schedule), compile_part(optimizer.coefficients)

    @compile_loop
    def of_step(h, s, t, n_steps, carry):
        return coefficients(named(h, s, t, n_steps), t, *carry)

    return of_step


def _named_at_step(optimizer: Any, schedule: Any) -> Any:
    """``at_step(h, s, t, n_steps)``: the optimizer's named hyperparameters at step ``t``, lr under the schedule."""
    named = named_parameters(optimizer)
    if schedule is Constant or "lr" not in parameter_names(optimizer):
        return compile_part(lambda h, s, t, n_steps: named(h))
    of_schedule, factor = named_parameters(schedule), compile_part(in_numba(schedule.factor))
    at = parameter_names(optimizer).index("lr")
    after = at + 1

    @compile_loop
    def at_step(h, s, t, n_steps):
        return named((*h[:at], h[at] * factor(of_schedule(s), t, n_steps), *h[after:]))

    return at_step


@cache
def _span_kernel(optimizer: Any, schedule: Any, landscape: Landscape) -> Any:
    """``span(...)``: step ``t`` on the blocks from ``first`` to ``end``; see `NumbaStepper` for what it takes."""
    of_step = coefficients_of_step(optimizer, schedule)
    environment, sweep = parts.environment(landscape), sweep_over_blocks(optimizer, landscape)

    @numba.njit(error_model="numpy", nogil=True, _nrt=False)
    def span(h, s, n_steps, p, q, keys, carry, t, arrays, first, end, lanes, sums):
        align_stack()
        zero = arrays[0].dtype.type(0)
        c, carry = of_step(h, s, t, n_steps, carry)
        env = environment(p, q, keys[0], keys[1], zero)
        sweep(in_dtype(c, zero), env, t, arrays, first, end, lanes, sums)
        return carry

    return kept_on_disk(span, "step", landscape, optimizer, schedule)


@cache
def _advance_kernel(optimizer: Any, schedule: Any, landscape: Landscape, watches: bool) -> Any:
    """``advance(...)``: step after step until one of the ends; see `NumbaStepper.advance` for what it takes."""
    of_step = coefficients_of_step(optimizer, schedule)
    environment, sweep = parts.environment(landscape), sweep_over_blocks(optimizer, landscape)
    fill, step_ends = parts.fill_gradient(landscape), compile_part(after_step)
    point_ends = _watch(landscape, reported_place(optimizer)) if watches else compile_part(_unwatched)
    own = len(state_names(optimizer)) + 1

    @numba.njit(error_model="numpy", nogil=True, _nrt=False)
    def advance(h, s, n_steps, p, q, keys, carry, t, until, limits, arrays, data, draws, lanes, sums):
        align_stack()
        step_sq, zero, stopped = math.nan, arrays[0].dtype.type(0), GOES_ON
        env = environment(p, q, keys[0], keys[1], zero)
        while t < until and stopped == GOES_ON:
            t += 1
            c, carry = of_step(h, s, t, n_steps, carry)
            fill(env, t, arrays[0], data, draws, arrays[-1])
            sweep(in_dtype(c, zero), env, t, arrays, 0, sums.size, lanes, sums)
            step_sq = sum_of_sums(sums, lanes)
            stopped = step_ends(step_sq, limits[0])
            if stopped == GOES_ON:
                stopped = point_ends(env[0], arrays, data, arrays[own:], limits)
        return t, step_sq, stopped, carry

    return kept_on_disk(advance, "watch" if watches else "advance", landscape, optimizer, schedule)


def _unwatched(p, arrays, data, beside, limits):
    return GOES_ON


def _watch(landscape: Landscape, reported: int) -> Any:
    """Whether loss or gradient at the reported point end a run."""
    measure, ends = parts.measure_at(landscape.objective, landscape.dtype), compile_part(at_point)
    separable = landscape.separable

    @compile_part
    def watched(p, arrays, data, beside, limits):
        loss, gradient_sq = measure(p, arrays[reported], beside if separable else data)
        return ends(loss, gradient_sq, limits[1], limits[2])

    return watched


@cache
def _measure_kernel(landscape: Landscape) -> Any:
    """``measure(p, x, data, minimisers)``; see `adamlab.landscape.measure`."""
    measure = parts.measure(landscape.objective, landscape.dtype)
    named = named_parameters(landscape.objective)

    @numba.njit(error_model="numpy", nogil=True)
    def measured(p, x, data, minimisers):
        return measure(named(in_dtype(p, x.dtype.type(0))), x, data, minimisers)

    return kept_on_disk(measured, "measure", landscape)


def kept_on_disk(kernel: Any, name: str, landscape: Landscape, *leaves: Any) -> Any:
    """Keep a kernel on disk; one with code that lies in no file lives as long as the process."""
    if landscape.modules is None or not all(has_source(leaf.__module__) for leaf in leaves):
        return kernel
    full_name = "-".join((name, *(leaf.__name__ for leaf in leaves), landscape.name))
    modules = (__name__, *(leaf.__module__ for leaf in leaves), *landscape.modules)
    return keep_on_disk(kernel, full_name, fingerprint(*modules))


class NumbaStepper:
    """The rule in compiled loops (see `adamlab.backends.Stepper`)."""

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
        landscape = landscape_of(problem)
        if landscape is None or not compiles(landscape, self._shape, stopping):
            gradient = SteppingGradient(problem)
            return advance_by_calls(self, lambda: gradient(self.theta, self.t + 1), until, stopping)
        size, data = self._arrays[0].size, problem.data
        own = environment_of(problem)
        if landscape.separable and size >= SHARED_FROM and self._threads > 1 and not stopping.watches:
            return self._advance_in_spans(landscape, (*self._arrays, *data), own, until, stopping)
        draws = np.empty(problem.objective.n_draws() if landscape.draws and not landscape.separable else 0)
        gradients = () if landscape.separable else (aligned(size, self._arrays[0].dtype, len(self._arrays)),)
        beside, whole = (data, ()) if landscape.separable else (gradients, data)
        kernel = _advance_kernel(self._optimizer, self._schedule, landscape, stopping.watches)
        for stop in stretches(self.t, until, size):
            try:
                self.t, self.step_sq, self.stopped, self._carry = kernel(
                    self._h, self._s, self._rule.n_steps, *own, self._carry, self.t, stop, stopping.limits,
                    (*self._arrays, *beside), whole, draws, self._lanes, self._sums,
                )  # fmt: skip
            except numba.errors.NumbaError as error:
                refused(error, self._optimizer, problem, landscape)
                return self.advance(until, stopping)
            if self.stopped != GOES_ON:
                break

    def measure(self) -> tuple[float, float, float]:
        assert self._problem is not None
        return measure_compiled(self._problem, self._arrays[reported_place(self._optimizer)], self._shape)

    def _advance_in_spans(self, landscape: Landscape, arrays: Any, own: Any, until: int, stopping: Stopping) -> None:
        while self.t < until and self.stopped == GOES_ON:
            self._step_in_spans(landscape, arrays, own)
            self.stopped = after_step(self.step_sq, stopping.limits[0])

    def _step_in_spans(self, landscape: Landscape, arrays: Any, own: Any) -> None:
        """One step, shared out among threads where that pays; block by block, so in the same order as alone."""
        self.t += 1
        kernel, blocks = _span_kernel(self._optimizer, self._schedule, landscape), self._sums.size
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


def compiles(landscape: Landscape, shape: tuple[int, ...], stopping: Stopping) -> bool:
    """Whether there is a kernel: a user's whole gradient is compiled for vectors, and no user's value is."""
    if landscape.objective is None and stopping.watches:
        return False
    return landscape.separable or len(shape) == 1


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """Threads for kernels, which run without Python's lock."""
    return ThreadPoolExecutor(threads, thread_name_prefix="adamlab")


def environment_of(problem: Problem) -> tuple[Any, ...]:
    """A problem's own numbers as kernels take them: the objective's, the noise's, and the keys of the two streams."""
    p = parts.numbers_of_problem(problem)
    q = () if problem.noise is None else numbers_of(problem.noise)
    return p, q, (problem.key("samples"), problem.key("noise"))


def measure_compiled(problem: Problem, x: Array, shape: tuple[int, ...]) -> tuple[float, float, float]:
    """`Problem.measure` in compiled code, where the objective is a leaf."""
    objective = problem.objective
    if isinstance(objective, FunctionPair):
        return problem.measure(x.reshape(shape))
    landscape = landscape_of(Problem(objective))
    kernel: Callable[..., tuple[float, float, float]] = _measure_kernel(landscape)
    return kernel(numbers_of(objective), x, problem.data, problem.minimisers)


def stretches(t: int, until: int, dim: int) -> Iterator[int]:
    """Where to pause on the way from step ``t`` to ``until``: an interrupt is heard between two calls only."""
    length = max(1, STRETCH // (dim + STEP))
    while t < until:
        if INTERRUPTED.is_set():
            raise KeyboardInterrupt
        t = min(until, t + length)
        yield t


def refused(error: Exception, optimizer: Any, problem: Problem, landscape: Landscape) -> None:
    """Remember that Numba cannot compile a user's gradient, which is called then; a leaf that it cannot is an error."""
    lines = [line.strip() for line in str(error).splitlines()]
    reason = next((line for line in lines if line and not line.startswith("Failed in")), "no reason given")
    gradient = problem.objective.gradient
    if landscape.objective is None and gradient not in not_compilable:
        not_compilable.add(gradient)
        say_called(gradient, f"Numba cannot compile it: {reason}")
        return
    raise TypeError(f"{optimizer.__name__}: Numba cannot compile it: {reason}") from None
