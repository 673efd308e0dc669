"""Kernels for one run of a rule that acts on coordinates: the rule and the gradient compiled into one loop.

A kernel is built from the leaves' own ``coefficients``, ``update`` and ``gradient``, compiled without any relaxation
of floating-point rules. It is kept on disk in a folder named after the hash of the sources it was made from, so
another process loads it, and no edit can leave a stale kernel in use.

Why it is fast:

* powers such as beta^t are running products, so the numbers that depend on the step cost two multiplications and no
  ``pow``;
* the loop over coordinates has no branch, and its loads and stores are marked as never overlapping, so it is
  vectorised;
* the squared length of the step is summed in the fixed order of `adamlab.rules.reduction`, whose lanes stay in
  registers;
* divisions by coefficients of the step, such as bias corrections, become multiplications
  (`adamlab.compiler.exact_division`).

Arguments of the kernels:

* ``h``, ``s``, ``p`` and ``q``: the numbers of the optimizer, the schedule, the objective and the noise (tuples of
  float); ``keys``: the keys of the random streams of samples and noise (uint64);
* ``n_steps``: the steps that the schedule is for; ``t``: the number of the step, or of steps taken so far; ``until``:
  the step to stop after; ``limits``: `adamlab.rules.stopping.Stopping.limits`;
* ``carry``: the float64 numbers that ``coefficients`` hands from step to step;
* ``arrays``: theta, the state, and the arrays that the gradient of a coordinate reads (the objective's data if it is
  separable, else one array for the gradient); ``data``: the objective's data if it is not separable, else empty;
* ``draws``, ``lanes`` and ``sums``: scratch for random numbers, for `adamlab.compiler.alignment.lanes`, and for one
  sum a block.
"""

import math
from functools import cache
from typing import Any

import numba

import adamlab.compiler.objective_parts as parts
from adamlab.compiler.array_access import align_stack, pointers
from adamlab.compiler.compile_time import count_compilations, counted_as_compilation
from adamlab.compiler.disk_cache import keep_on_disk
from adamlab.compiler.numpy_semantics import compile_kernel, compile_loop, compile_part, flushed, in_dtype, in_numba
from adamlab.compiler.objective_code import ObjectiveCode
from adamlab.compiler.parameters import named_parameters
from adamlab.compiler.step_over_blocks import sum_of_sums, sweep_over_blocks
from adamlab.records.fingerprint import fingerprint, has_source
from adamlab.rules.methods import reported_place, state_names
from adamlab.rules.parameters import parameter_names
from adamlab.rules.stopping import GOES_ON, after_step, at_point
from adamlab.rules.underflow import FLUSH_EVERY
from adamlab.schedules.constant import Constant

# The error that Numba raises for a function that it cannot compile.
CompilationError = numba.errors.NumbaError


@cache
def coefficients_of_step(optimizer: Any, schedule: Any) -> Any:
    """Return the compiled function for the coefficients of a step.

    Parameters
    ----------
    optimizer, schedule : type
        Classes of the optimizer and the schedule.

    Returns
    -------
    numba dispatcher
        ``of_step(h, s, t, n_steps, carry)``: the coefficients of step ``t`` and the next carry, as in
        `adamlab.running.stepping.Rule.coefficients`.
    """
    unflushed = unflushed_coefficients(optimizer, schedule)

    @compile_loop
    def of_step(h, s, t, n_steps, carry):
        return unflushed(h, s, t, n_steps, flushed(carry) if t % FLUSH_EVERY == 0 else carry)

    return of_step


@cache
def unflushed_coefficients(optimizer: Any, schedule: Any) -> Any:
    """Return ``of_step`` as `coefficients_of_step` does, but without setting subnormal numbers of the carry to zero.

    Parameters
    ----------
    optimizer, schedule : type
        Classes of the optimizer and the schedule.

    Returns
    -------
    numba dispatcher
        ``of_step``; its caller applies `adamlab.rules.underflow.flushed` to the carry.
    """
    named, coefficients = _named_at_step(optimizer, schedule), compile_part(optimizer.coefficients)

    @compile_loop
    def of_step(h, s, t, n_steps, carry):
        return coefficients(named(h, s, t, n_steps), t, *carry)

    return of_step


def _named_at_step(optimizer: Any, schedule: Any) -> Any:
    """Return ``at_step(h, s, t, n_steps)``: the named hyperparameters at step ``t``, with lr under the schedule."""
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
@counted_as_compilation()
def span_kernel(optimizer: Any, schedule: Any, code: ObjectiveCode) -> Any:
    """Return the kernel that takes one step on a range of blocks, so that threads can share a step.

    Parameters
    ----------
    optimizer, schedule : type
        Classes of the optimizer and the schedule.
    code : ObjectiveCode
        Code of the problem, separable or with a given gradient.

    Returns
    -------
    numba dispatcher
        ``span(h, s, n_steps, p, q, keys, carry, t, arrays, first, end, lanes, sums)``: step ``t`` on the blocks
        ``first`` to ``end`` (excluded); it returns the next carry. See the module for the arguments.
    """
    of_step = coefficients_of_step(optimizer, schedule)
    environment, sweep = parts.environment(code), sweep_over_blocks(optimizer, code)

    @compile_kernel(makes_arrays=False)
    def span(h, s, n_steps, p, q, keys, carry, t, arrays, first, end, lanes, sums):
        align_stack()
        zero = arrays[0].dtype.type(0)
        c, carry = of_step(h, s, t, n_steps, carry)
        env = environment(p, q, keys[0], keys[1], zero)
        sweep(in_dtype(c, zero), env, t, pointers(arrays), arrays[0].size, first, end, pointers(lanes), sums)
        return carry

    return kept_on_disk(span, "step", code, optimizer, schedule)


@cache
@counted_as_compilation()
def advance_kernel(optimizer: Any, schedule: Any, code: ObjectiveCode, watches: bool) -> Any:
    """Return the kernel that takes steps until a stopping rule holds or step ``until`` has been taken.

    Parameters
    ----------
    optimizer, schedule : type
        Classes of the optimizer and the schedule.
    code : ObjectiveCode
        Code of the problem.
    watches : bool
        Whether loss and gradient are tested after each step.

    Returns
    -------
    numba dispatcher
        ``advance(h, s, n_steps, p, q, keys, carry, t, until, limits, arrays, data, draws, lanes, sums)``; it returns
        the number of steps taken, the squared length of the last, the reason for stopping (`adamlab.rules.stopping`)
        and the carry. See the module for the arguments.
    """
    of_step = coefficients_of_step(optimizer, schedule)
    environment, sweep = parts.environment(code), sweep_over_blocks(optimizer, code)
    fill, step_ends = parts.fill_gradient(code), compile_part(after_step)
    point_ends = _watch(code, reported_place(optimizer)) if watches else compile_part(_unwatched)
    own = len(state_names(optimizer)) + 1

    @compile_kernel(makes_arrays=False)
    def advance(h, s, n_steps, p, q, keys, carry, t, until, limits, arrays, data, draws, lanes, sums):
        align_stack()
        step_sq, zero, stopped = math.nan, arrays[0].dtype.type(0), GOES_ON
        env, size = environment(p, q, keys[0], keys[1], zero), arrays[0].size
        elements, scratch = pointers(arrays), pointers(lanes)
        while t < until and stopped == GOES_ON:
            t += 1
            c, carry = of_step(h, s, t, n_steps, carry)
            fill(env, t, arrays[0], data, draws, arrays[-1])
            sweep(in_dtype(c, zero), env, t, elements, size, 0, sums.size, scratch, sums)
            step_sq = sum_of_sums(sums, lanes[0])
            stopped = step_ends(step_sq, limits[0])
            if stopped == GOES_ON:
                stopped = point_ends(env[0], arrays, data, arrays[own:], limits)
        return t, step_sq, stopped, carry

    return kept_on_disk(advance, "watch" if watches else "advance", code, optimizer, schedule)


def _unwatched(p, arrays, data, beside, limits):
    return GOES_ON


def _watch(code: ObjectiveCode, reported: int) -> Any:
    """Return the part that tests whether loss or gradient at the reported point end a run."""
    measure, ends = parts.measure_at(code.objective, code.dtype), compile_part(at_point)
    separable = code.separable

    @compile_part
    def watched(p, arrays, data, beside, limits):
        loss, gradient_sq = measure(p, arrays[reported], beside if separable else data)
        return ends(loss, gradient_sq, limits[1], limits[2])

    return watched


@cache
@counted_as_compilation()
def measure_kernel(code: ObjectiveCode) -> Any:
    """Return the kernel that measures a point.

    Parameters
    ----------
    code : ObjectiveCode
        Code of a leaf, without noise.

    Returns
    -------
    numba dispatcher
        ``measure(p, x, data, minimisers)``; see `adamlab.compiler.objective_parts.measure`.
    """
    measure = parts.measure(code.objective, code.dtype)
    named = named_parameters(code.objective)

    @compile_kernel(makes_arrays=True)
    def measured(p, x, data, minimisers):
        return measure(named(in_dtype(p, x.dtype.type(0))), x, data, minimisers)

    return kept_on_disk(measured, "measure", code)


def kept_on_disk(kernel: Any, name: str, code: ObjectiveCode, *leaves: Any) -> Any:
    """Keep a kernel on disk if all of its code is in known files; count its compile time.

    Parameters
    ----------
    kernel : numba dispatcher
        The kernel.
    name : str
        The kind of kernel, for its file name.
    code : ObjectiveCode
        Code of the problem.
    *leaves : type
        Classes of the optimizer and the schedule, if they are compiled in.

    Returns
    -------
    numba dispatcher
        The same dispatcher.
    """
    if code.modules is None or not all(has_source(leaf.__module__) for leaf in leaves):
        return count_compilations(kernel)
    full_name = "-".join((name, *(leaf.__name__ for leaf in leaves), code.name))
    modules = (__name__, kernel.py_func.__module__, *(leaf.__module__ for leaf in leaves), *code.modules)
    return count_compilations(keep_on_disk(kernel, full_name, fingerprint(*modules)))
