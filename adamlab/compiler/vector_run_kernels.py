"""Kernels for one run of a rule that acts on a whole vector, such as LAMB with its norms or a cautious mask.

The rule is compiled as it is written, with its array operations, into the loop over steps. Its sums are those of
`adamlab.rules.reduction`, in the same order as on the numpy backend.

The arguments of the kernels are those of `adamlab.compiler.run_kernels`, except that ``theta`` and the tuple ``state``
take the place of ``arrays``, and ``data`` is the objective's data whether it is separable or not.
"""

import math
from functools import cache
from typing import Any

import numpy as np

import adamlab.compiler.objective_parts as parts
from adamlab.compiler.array_access import load
from adamlab.compiler.compile_time import counted_as_compilation
from adamlab.compiler.numpy_semantics import compile_function, compile_part, in_dtype, in_numba
from adamlab.compiler.objective_code import ObjectiveCode
from adamlab.compiler.run_kernels import coefficients_of_step, kept_on_disk
from adamlab.rules.methods import reported_place
from adamlab.rules.reduction import squared_length
from adamlab.rules.stopping import GOES_ON, after_step, at_point


def _gradient(code: ObjectiveCode) -> Any:
    """Return ``gradient(env, t, theta, data, draws)``: a new array each step, as a rule may keep the last as state."""
    fill, slope, separable = parts.fill_gradient(code), parts.slope(code), code.separable

    @compile_part
    def gradient(env, t, theta, data, draws):
        g = np.empty_like(theta)
        fill(env, t, theta, data, draws, g)
        for i in range(theta.size):
            g[i] = slope(env, t, i, theta[i], load(data if separable else (g,), i))
        return g

    return gradient


def _clip(code: ObjectiveCode) -> Any:
    clip = parts.clip(code)
    if code.box is None:
        return compile_part(lambda x: x)

    @compile_part
    def clipped(x):
        for i in range(x.size):
            x[i] = clip(x[i])
        return x

    return clipped


@cache
@counted_as_compilation()
def step_kernel_of_vector(optimizer: Any, schedule: Any, code: ObjectiveCode) -> Any:
    """Return the kernel that takes one step with a given gradient.

    Parameters
    ----------
    optimizer, schedule : type
        Classes of the optimizer and the schedule.
    code : ObjectiveCode
        Code of the problem, of which the box is used.

    Returns
    -------
    numba dispatcher
        ``step(h, s, n_steps, carry, t, g, theta, state)``; it returns the squared length of the step, the carry, and
        the new theta and state.
    """
    of_step = coefficients_of_step(optimizer, schedule)
    update, clip = compile_part(in_numba(optimizer.update)), _clip(code)

    @compile_function
    def step(h, s, n_steps, carry, t, g, theta, state):
        c, carry = of_step(h, s, t, n_steps, carry)
        new = update(in_dtype(c, theta.dtype.type(0)), g, theta, *state)
        moved = clip(new[0])
        return squared_length(moved - theta), carry, moved, new[1:]

    return kept_on_disk(step, "step", code, optimizer, schedule)


@cache
@counted_as_compilation()
def advance_kernel_of_vector(optimizer: Any, schedule: Any, code: ObjectiveCode, watches: bool) -> Any:
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
        ``advance(h, s, n_steps, p, q, keys, carry, t, until, limits, theta, state, data, draws)``; it returns what
        `adamlab.compiler.run_kernels.advance_kernel` does, and the new theta and state.
    """
    of_step = coefficients_of_step(optimizer, schedule)
    update, clip, gradient = compile_part(in_numba(optimizer.update)), _clip(code), _gradient(code)
    environment, step_ends = parts.environment(code), compile_part(after_step)
    measure = parts.measure_at(code.objective, code.dtype) if watches else compile_part(_unmeasured)
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

    return kept_on_disk(advance, "watch" if watches else "advance", code, optimizer, schedule)


def _unmeasured(p, x, data):
    return math.nan, math.nan
