"""One step over all coordinates, block by block, for kernels that take one run at a time.

These are the kernels of `adamlab.compiler.run_kernels` and `adamlab.compiler.many_run_kernels.one_by_one_kernel`.

A rule that divides by coefficients of the step multiplies instead where that gives the same bits
(`adamlab.compiler.exact_division`). After every ``LANES`` coordinates, if the doubt of any of them is set, all of
them are restored from a copy and computed again with divisions. So there is no branch for a single coordinate, and
the loop can be vectorised.
"""

from typing import Any

import numpy as np

import adamlab.compiler.objective_parts as parts
from adamlab.compiler.array_access import (
    load,
    load_common,
    load_scratch,
    store,
    store_common,
    store_scratch,
    sum_of_block,
    sum_of_few,
)
from adamlab.compiler.exact_division import inverses, without_division
from adamlab.compiler.numpy_semantics import compile_loop, compile_part, in_numba
from adamlab.compiler.objective_code import ObjectiveCode
from adamlab.rules.methods import state_names
from adamlab.rules.reduction import BLOCK, LANES


def sweep_over_blocks(optimizer: Any, code: ObjectiveCode) -> Any:
    """Return the compiled function that takes one step on some blocks of coordinates.

    Parameters
    ----------
    optimizer : type
        Class of the optimizer.
    code : ObjectiveCode
        Code of the problem.

    Returns
    -------
    numba dispatcher
        ``sweep(c, env, t, arrays, size, first, end, lanes, sums)``: step ``t`` on the blocks ``first`` to ``end``
        (excluded), with coefficients ``c``. ``arrays`` are the `pointers` of theta, of the state, and of the arrays
        that the gradient of a coordinate reads, each with ``size`` elements; theta and the state are changed.
        ``lanes`` are those of scratch (`adamlab.compiler.alignment.lanes`). The squared length by which each block
        moved is written into ``sums``.
    """
    advance = _advance_coordinate(optimizer, code)
    advance_lanes = _advance_lanes(optimizer, code, advance)

    @compile_loop
    def sweep(c, env, t, arrays, size, first, end, lanes, sums):
        if size < LANES:
            # The bookkeeping of blocks and lanes would take as long as so small a step itself.
            for k in range(size):
                store_scratch(lanes, k, (advance(c, env, t, arrays, k),))
            sums[0] = sum_of_few(lanes[0], size)
            return
        for b in range(first, end):
            start = b * BLOCK
            n = min(BLOCK, size - start)
            whole = n // LANES * LANES
            for k in range(LANES):
                store_scratch(lanes, k, (0.0,))
            advance_lanes(c, env, t, arrays, start, start + whole, lanes)
            for k in range(n - whole):
                moved_sq = advance(c, env, t, arrays, start + whole + k)
                store_scratch(lanes, k, (load_scratch(lanes, k)[0] + moved_sq,))
            sums[b] = sum_of_block(lanes[0], LANES)

    return sweep


def _advance_coordinate(optimizer: Any, code: ObjectiveCode) -> Any:
    """Return ``advance(...)``, which takes the step on coordinate ``i`` and returns the square of its movement."""
    update = compile_part(in_numba(optimizer.update))
    slope, clip = parts.slope(code), parts.clip(code)
    last = len(state_names(optimizer)) + 1

    @compile_loop
    def advance(c, env, t, arrays, i):
        row = load(arrays, i)
        new = update(c, slope(env, t, i, row[0], row[last:]), *row[:last])
        x = clip(new[0])
        store(arrays, i, (x, *new[1:]))
        moved = np.float64(x - row[0])
        return moved * moved

    return advance


def _advance_lanes(optimizer: Any, code: ObjectiveCode, advance: Any) -> Any:
    """Return ``advance_lanes(...)``: ``advance`` on coordinates ``first`` to ``end``, a multiple of LANES in number."""
    multiplying = without_division(optimizer.update, code.dtype)
    if multiplying is not None:
        return _advance_lanes_without_division(optimizer, code, advance, multiplying)

    @compile_loop
    def advance_lanes(c, env, t, arrays, first, end, lanes):
        for base in range(first, end, LANES):
            for k in range(LANES):
                moved_sq = advance(c, env, t, arrays, base + k)
                store_scratch(lanes, k, (load_scratch(lanes, k)[0] + moved_sq,))

    return advance_lanes


def _advance_lanes_without_division(optimizer: Any, code: ObjectiveCode, advance: Any, multiplying: Any) -> Any:
    slope, clip = parts.slope(code), parts.clip(code)
    last = len(state_names(optimizer)) + 1

    @compile_loop
    def advance_lanes(c, env, t, arrays, first, end, lanes):
        over = inverses(c)
        for base in range(first, end, LANES):
            doubts = 0
            for k in range(LANES):
                row, (before,) = load(arrays, base + k), load_scratch(lanes[:1], k)
                store_common(lanes[1:], k, (before, *row[:last]))
                new, doubt = multiplying(c, over, slope(env, t, base + k, row[0], row[last:]), *row[:last])
                x = clip(new[0])
                store(arrays, base + k, (x, *new[1:]))
                moved = x - row[0]
                store_scratch(lanes, k, (before + moved * moved,))
                doubts |= doubt
            if doubts:
                for k in range(LANES):
                    as_before = load_common(lanes[1:], k)
                    store_scratch(lanes, k, as_before[:1])
                    store(arrays, base + k, as_before[1:])
                for k in range(LANES):
                    moved_sq = advance(c, env, t, arrays, base + k)
                    store_scratch(lanes, k, (load_scratch(lanes, k)[0] + moved_sq,))

    return advance_lanes


@compile_loop
def sum_of_sums(sums, lane):
    """Return the sum of the blocks' sums, in the order of `adamlab.rules.reduction.total`; both are overwritten."""
    n = sums.size
    while n > 1:
        blocks = (n + BLOCK - 1) // BLOCK
        for b in range(blocks):
            for k in range(LANES):
                lane[k] = 0.0
            for k in range(b * BLOCK, min((b + 1) * BLOCK, n)):
                lane[k % LANES] += sums[k]
            sums[b] = sum_of_block(lane, LANES)
        n = blocks
    return sums[0]
