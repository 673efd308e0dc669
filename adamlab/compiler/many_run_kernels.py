"""Kernels for many runs: the same optimizer on the same problem, each run with its own hyperparameters and seed.

`lanes_kernel` is for separable objectives. Runs stand side by side in the lanes of vectors: its inner loops go over
runs where those of `adamlab.compiler.run_kernels` go over coordinates, so runs of one coordinate use the machine as
well as a run of a thousand. When a run ends, the last of the runs still under way is moved into its lane, so no lane
is idle. `one_by_one_kernel` takes one run after another; it is for other objectives, and for so many coordinates that
a run alone fills the vectors. In both kernels the arithmetic of a run, sums included, is that of the run alone, bit
for bit.

Both kernels take the runs of a task:

* ``h``: the optimizer's numbers, an array for each number with one element for each run; ``s``, ``p`` and ``q``: the
  numbers of the schedule, the objective and the noise, which the runs share; ``n_steps``: the largest number of
  steps;
* ``keys``: the keys of the two random streams, and ``limits``: the three limits of
  `adamlab.rules.stopping.Stopping.limits`; all are arrays with one element for each run;
* the first carry (``carry``, or ``first_carry``), and ``begin``: theta and the state at the start, arrays of dim x
  runs elements, flat;
* ``data`` and ``minimisers`` of the objective; ``kept``: the steps that a trace keeps; ``scratch``.

They write these arrays:

* ``ends``: steps taken, reason for stopping, squared length of the last step, loss, squared gradient length and
  squared distance to the nearest minimiser, with one element for each run;
* ``points``: the reported points, dim x runs elements, flat;
* ``trace``: loss, squared gradient length, squared step length and squared distance, each of kept x runs elements.
"""

import math
from functools import cache
from typing import Any

import numpy as np

import adamlab.compiler.objective_parts as parts
from adamlab.compiler.array_access import (
    align_stack,
    load,
    load_carry,
    load_common,
    load_scratch,
    pointers,
    store,
    store_carry,
    store_common,
    store_scratch,
)
from adamlab.compiler.compile_time import counted_as_compilation
from adamlab.compiler.numpy_semantics import (
    compile_kernel,
    compile_loop,
    compile_part,
    flushed,
    in_dtype,
    in_numba,
    renamed,
)
from adamlab.compiler.objective_code import ObjectiveCode
from adamlab.compiler.run_kernels import coefficients_of_step, kept_on_disk, unflushed_coefficients
from adamlab.compiler.step_over_blocks import sum_of_sums, sweep_over_blocks
from adamlab.rules.methods import reported_place, state_names
from adamlab.rules.reduction import LANES
from adamlab.rules.stopping import GOES_ON, after_step, at_point
from adamlab.rules.underflow import FLUSH_EVERY


@compile_loop
def _add_lanes(rows, dim, n, out):
    """Add LANES ``rows`` of ``n`` numbers each as a balanced tree; only the first ``dim`` rows hold numbers."""
    width = LANES // 2
    while width:
        for k in range(min(width, dim - width)):
            upper, lower = rows[k], rows[k + width]
            for j in range(n):
                store_scratch((upper,), j, (load_scratch((upper,), j)[0] + load((lower,), j)[0],))
        width //= 2
    for j in range(n):
        out[j] = rows[0, j]


@compile_loop
def _ends(length_sq, tol_sq):
    """Return whether a step of this squared length ends a run for any reason (`adamlab.rules.stopping.after_step`)."""
    return not (tol_sq <= length_sq < math.inf)


@cache
def _step_of_lanes(optimizer: Any, schedule: Any, code: ObjectiveCode) -> Any:
    """Return ``step(...)``, which takes step ``t`` in the first ``n`` lanes.

    It returns whether any of these runs ends with the step, and writes the squared lengths into ``squares``.
    """
    of_step = unflushed_coefficients(optimizer, schedule)
    update = compile_part(in_numba(optimizer.update))
    slope, clip = parts.slope(code), parts.clip(code)
    last = len(state_names(optimizer)) + 1

    @compile_loop
    def advance_lane(c, env, keys, t, i, j, place, arrays, beside, sums, first):
        row, own = load_common(arrays, place), load_carry(keys, j)
        new = update(c, slope((env[0], env[1], own[0], own[1]), t, i, row[0], beside), *row[:last])
        x = clip(new[0])
        store_common(arrays, place, (x, *new[1:]))
        moved = np.float64(x - row[0])
        length_sq = moved * moved if first else load_scratch((sums,), j)[0] + moved * moved
        store_scratch((sums,), j, (length_sq,))
        return length_sq

    @compile_loop
    def step(s, n_steps, env, t, n, hyper, carries, commons, keys, arrays, data, rows, squares, tol_sq):
        if t % FLUSH_EVERY == 0:
            for j in range(n):
                store_carry(carries, j, flushed(load_carry(carries, j)))
        zero, width = arrays[0].dtype.type(0), squares.size
        dim = arrays[0].size // width
        example, _ = of_step(load(hyper, 0), s, t, n_steps, load_carry(carries, 0))
        names, beside, sums = in_dtype(example, zero), load(data, 0), rows[0]
        ended = False
        if dim == 1:
            for j in range(n):
                c, carry = of_step(load(hyper, j), s, t, n_steps, load_carry(carries, j))
                store_carry(carries, j, carry)
                length_sq = advance_lane(in_dtype(c, zero), env, keys, t, 0, j, j, arrays, beside, squares, True)
                ended |= _ends(length_sq, tol_sq[j])
            return ended
        for j in range(n):
            c, carry = of_step(load(hyper, j), s, t, n_steps, load_carry(carries, j))
            store_carry(carries, j, carry)
            store_common(commons, j, in_dtype(c, zero))
        for i in range(dim):
            beside, sums, first = load(data, i), rows[i % LANES], i < LANES
            for j in range(n):
                c = renamed(load(commons, j), names)
                advance_lane(c, env, keys, t, i, j, i * width + j, arrays, beside, sums, first)
        _add_lanes(rows, min(dim, LANES), n, squares)
        for j in range(n):
            ended |= _ends(squares[j], tol_sq[j])
        return ended

    return step


@cache
def _measure_of_lanes(code: ObjectiveCode) -> Any:
    """Return ``measure(...)``: loss and squared gradient length in the first ``n`` lanes of ``points``."""
    value, gradient = parts.exact_functions(code.objective, code.dtype)

    @compile_loop
    def measure(p, n, points, data, rows, losses, squares):
        width = losses.size
        dim = points.size // width
        for of_gradient in (False, True):
            for i in range(dim):
                beside, sums, first = load(data, i), rows[i % LANES], i < LANES
                for j in range(n):
                    (x,) = load_common((points,), i * width + j)
                    if of_gradient:
                        g = np.float64(gradient(p, x, *beside))
                        term = g * g
                    else:
                        term = np.float64(value(p, x, *beside))
                    before = 0.0 if first else load_scratch((sums,), j)[0]
                    store_scratch((sums,), j, (before + term,))
            _add_lanes(rows, min(dim, LANES), n, squares if of_gradient else losses)

    return measure


@compile_loop
def _distance_of_lanes(n, points, minimisers, rows, lane, nearest):
    """Write the squared distances of the first ``n`` lanes of ``points`` to the nearest minimiser; nan without one."""
    width = nearest.size
    dim = points.size // width
    nearest[:n] = math.nan
    for k in range(minimisers.shape[0]):
        for i in range(dim):
            at = minimisers[k, i % minimisers.shape[1]]
            for j in range(n):
                away = np.float64(points[i * width + j]) - at
                rows[i % LANES, j] = (0.0 if i < LANES else rows[i % LANES, j]) + away * away
        _add_lanes(rows, min(dim, LANES), n, lane)
        for j in range(n):
            nearest[j] = nearest[j] if lane[j] >= nearest[j] else lane[j]


@cache
@counted_as_compilation()
def lanes_kernel(optimizer: Any, schedule: Any, code: ObjectiveCode, watches: bool) -> Any:
    """Return the kernel that takes the runs of a task side by side, as many at once as ``scratch`` has lanes.

    Parameters
    ----------
    optimizer, schedule : type
        Classes of the optimizer and the schedule.
    code : ObjectiveCode
        Code of the problem, whose objective is a separable leaf.
    watches : bool
        Whether loss and gradient of the runs are tested after each step.

    Returns
    -------
    numba dispatcher
        ``run(...)``; see the module for the arguments.
    """
    step, measure = _step_of_lanes(optimizer, schedule, code), _measure_of_lanes(code)
    step_ends, point_ends = compile_part(after_step), compile_part(at_point)
    environment, reported = parts.environment(code), reported_place(optimizer)

    @compile_kernel(makes_arrays=False)
    def run(h, s, n_steps, p, q, keys, limits, carry, begin, data, minimisers, kept, scratch, ends, points, trace):
        align_stack()
        hyper, carries, commons, own_keys, own_limits, arrays, rows, who, squares, losses, slopes, away, answers = (
            scratch
        )
        runs, width, tol_sq = ends[0].size, squares.size, own_limits[0]
        dim = arrays[0].size // width
        env = environment(p, q, keys[0][0], keys[1][0], arrays[0].dtype.type(0))
        for first in range(0, runs, width):
            block = min(width, runs - first)
            for j in range(block):
                who[j] = j
                store(hyper, j, load_carry(h, first + j))
                store_carry(carries, j, carry)
                store(own_keys, j, load_carry(keys, first + j))
                store(own_limits, j, load_carry(limits, first + j))
                for i in range(dim):
                    store_common(arrays, i * width + j, load_carry(begin, i * runs + first + j))
            n, t, next_kept, ends_here = block, 0, 0, False
            while n:
                keeps = next_kept < kept.size and kept[next_kept] == t
                if keeps or watches:
                    measure(env[0], n, arrays[reported], data, rows, losses, slopes)
                if keeps:
                    _distance_of_lanes(n, arrays[reported], minimisers, rows, answers, away)
                    for j in range(n):
                        at = first + who[j]
                        trace[0][next_kept, at], trace[1][next_kept, at] = losses[j], slopes[j]
                        trace[2][next_kept, at] = squares[j] if t else math.nan
                        trace[3][next_kept, at] = away[j]
                    next_kept += 1
                if watches or t == n_steps or ends_here:
                    for j in range(n - 1, -1, -1):
                        stopped = step_ends(squares[j], tol_sq[j]) if t else GOES_ON
                        if watches and stopped == GOES_ON:
                            stopped = point_ends(losses[j], slopes[j], own_limits[1][j], own_limits[2][j])
                        if stopped == GOES_ON and t < n_steps:
                            continue
                        at = first + who[j]
                        ends[0][at], ends[1][at], ends[2][at] = t, stopped, squares[j] if t else math.nan
                        for i in range(dim):
                            points[i * runs + at] = arrays[reported][i * width + j]
                        n -= 1
                        _move_lane(n, j, hyper, carries, own_keys, own_limits, arrays, who, width)
                if n:
                    t += 1
                    ends_here = step(
                        s,
                        n_steps,
                        env,
                        t,
                        n,
                        hyper,
                        carries,
                        commons,
                        own_keys,
                        arrays,
                        data,
                        rows,
                        squares,
                        own_limits[0],
                    )
            for j in range(block):
                for i in range(dim):
                    arrays[0][i * width + j] = points[i * runs + first + j]
            measure(env[0], block, arrays[0], data, rows, losses, slopes)
            _distance_of_lanes(block, arrays[0], minimisers, rows, answers, away)
            for j in range(block):
                ends[3][first + j], ends[4][first + j], ends[5][first + j] = losses[j], slopes[j], away[j]

    return kept_on_disk(run, "lanes-watching" if watches else "lanes", code, optimizer, schedule)


@compile_loop
def _move_lane(source, target, hyper, carries, keys, limits, arrays, who, width):
    """Move the run in lane ``source``, the last one, to lane ``target``; its squared last step need not be moved."""
    who[target] = who[source]
    store(hyper, target, load(hyper, source))
    store_carry(carries, target, load_carry(carries, source))
    store(keys, target, load(keys, source))
    store(limits, target, load(limits, source))
    for i in range(arrays[0].size // width):
        store_common(arrays, i * width + target, load_common(arrays, i * width + source))


@cache
@counted_as_compilation()
def one_by_one_kernel(optimizer: Any, schedule: Any, code: ObjectiveCode, watches: bool) -> Any:
    """Return the kernel that takes the runs of a task one after another.

    Parameters
    ----------
    optimizer, schedule : type
        Classes of the optimizer and the schedule.
    code : ObjectiveCode
        Code of the problem, whose objective is a leaf.
    watches : bool
        Whether loss and gradient of the runs are tested after each step.

    Returns
    -------
    numba dispatcher
        ``run(...)``; see the module for the arguments.
    """
    of_step = coefficients_of_step(optimizer, schedule)
    environment, sweep = parts.environment(code), sweep_over_blocks(optimizer, code)
    fill, measure = parts.fill_gradient(code), parts.measure(code.objective, code.dtype)
    step_ends, point_ends = compile_part(after_step), compile_part(at_point)
    reported = reported_place(optimizer)

    @compile_kernel(makes_arrays=True)
    def run(
        h, s, n_steps, p, q, keys, limits, first_carry, begin, data, minimisers, kept, scratch, ends, points, trace
    ):
        align_stack()
        own, beside, draws, lanes, sums = scratch
        arrays = own + beside
        elements, in_lanes = pointers(arrays), pointers(lanes)
        runs, dim, zero = ends[0].size, arrays[0].size, arrays[0].dtype.type(0)
        for r in range(runs):
            for i in range(dim):
                store(own, i, load_carry(begin, i * runs + r))
            env = environment(p, q, keys[0][r], keys[1][r], zero)
            h_r, carry = load_common(h, r), first_carry
            t, next_kept, step_sq, stopped = 0, 0, math.nan, GOES_ON
            while True:
                keeps = next_kept < kept.size and kept[next_kept] == t
                if keeps or (watches and stopped == GOES_ON):
                    loss, slope_sq, away = measure(env[0], arrays[reported], data, minimisers)
                    if keeps:
                        trace[0][next_kept, r], trace[1][next_kept, r] = loss, slope_sq
                        trace[2][next_kept, r], trace[3][next_kept, r] = step_sq, away
                        next_kept += 1
                    if watches and stopped == GOES_ON:
                        stopped = point_ends(loss, slope_sq, limits[1][r], limits[2][r])
                if stopped != GOES_ON or t == n_steps:
                    break
                t += 1
                c, carry = of_step(h_r, s, t, n_steps, carry)
                fill(env, t, arrays[0], data, draws, arrays[-1])
                sweep(in_dtype(c, zero), env, t, elements, dim, 0, sums.size, in_lanes, sums)
                step_sq = sum_of_sums(sums, lanes[0])
                stopped = step_ends(step_sq, limits[0][r])
            loss, slope_sq, away = measure(env[0], arrays[reported], data, minimisers)
            ends[0][r], ends[1][r], ends[2][r] = t, stopped, step_sq
            ends[3][r], ends[4][r], ends[5][r] = loss, slope_sq, away
            for i in range(dim):
                points[i * runs + r] = arrays[reported][i]

    return kept_on_disk(run, "each-watching" if watches else "each", code, optimizer, schedule)
