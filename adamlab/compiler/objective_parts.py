"""The parts of a kernel that come from the problem: its gradient as a run sees it, and its value.

The gradient as a run sees it is the one that steps are taken with: drawn anew at each step if the objective is
sampled, and with noise. Loss and gradient length are measured with the exact value and gradient.
"""

from functools import cache
from typing import Any

import numpy as np

from adamlab.compiler.array_access import load, sum_of_block, sum_of_squares
from adamlab.compiler.numpy_semantics import compile_part, in_dtype, in_numba, pad
from adamlab.compiler.objective_code import ObjectiveCode
from adamlab.compiler.parameters import named_parameters
from adamlab.compiler.random_numbers import compiled_draw, fill_draws, noisy_coordinate
from adamlab.rules.reduction import BLOCK, squared_length, total


@cache
def slope(code: ObjectiveCode) -> Any:
    """Return the compiled function for one coordinate of the gradient that a step is taken with.

    Parameters
    ----------
    code : ObjectiveCode
        Code of the problem.

    Returns
    -------
    numba dispatcher
        ``slope(env, t, i, x, row)``: coordinate ``i`` of the gradient of step ``t``, with noise, in the dtype of
        ``x``. ``env`` is the result of `environment`; ``row`` holds the objective's data of this coordinate or, if
        the objective is not separable, the coordinate of the gradient without noise.
    """
    of_one = _of_one_coordinate(code) if code.separable else compile_part(_given)
    if code.noise is None:
        return of_one
    noisy = noisy_coordinate(code.noise)

    @compile_part
    def with_noise(env, t, i, x, row):
        return in_dtype((noisy(env[1], env[3], t, i, of_one(env, t, i, x, row)),), x)[0]

    return with_noise


def _given(env, t, i, x, row):
    return row[0]


def _of_one_coordinate(code: ObjectiveCode) -> Any:
    stepping = compile_part(code.stepping)
    draw = compiled_draw(code.draws) if code.draws else compile_part(_no_draw)

    @compile_part
    def of_one(env, t, i, x, row):
        drawn = in_dtype((draw(env[2], t, i),), x)[0]
        return in_dtype((stepping(env[0], x, t, drawn, *row),), x)[0]

    return of_one


def _no_draw(key, t, i):
    return 0.0


@cache
def fill_gradient(code: ObjectiveCode) -> Any:
    """Return the compiled function that computes the gradient of an objective that is not separable.

    Parameters
    ----------
    code : ObjectiveCode
        Code of the problem.

    Returns
    -------
    numba dispatcher
        ``fill(env, t, x, data, draws, out)``: writes all coordinates of the gradient, without noise, into ``out``;
        ``draws`` is scratch for the random numbers. It does nothing if the objective is separable.
    """
    if code.separable:
        return compile_part(_nothing)
    stepping = compile_part(code.stepping)
    draw = fill_draws(code.draws) if code.draws else compile_part(_nothing_drawn)

    @compile_part
    def fill(env, t, x, data, draws, out):
        draw(env[2], t, draws)
        gradient = stepping(env[0], x, t, draws, *data)
        # Not out[:] = gradient, because its check of the shapes takes seconds to compile.
        for i in range(out.size):
            out[i] = gradient[i]

    return fill


def _nothing(env, t, x, data, draws, out):
    pass


def _nothing_drawn(key, t, out):
    pass


@cache
def clip(code: ObjectiveCode) -> Any:
    """Return the compiled function ``clip(x)``, which moves one coordinate into the objective's box.

    Parameters
    ----------
    code : ObjectiveCode
        Code of the problem.

    Returns
    -------
    numba dispatcher
        ``clip(x)``; it returns ``x`` if there is no box.
    """
    if code.box is None:
        return compile_part(_as_it_is)
    lo, hi = (np.dtype(code.dtype).type(bound) for bound in code.box)
    return compile_part(lambda x: np.minimum(np.maximum(x, lo), hi))


def _as_it_is(x):
    return x


@cache
def measure(cls: Any, dtype: str) -> Any:
    """Return the compiled function that measures a point.

    Parameters
    ----------
    cls : type
        Class of the objective.
    dtype : str
        The dtype of theta.

    Returns
    -------
    numba dispatcher
        ``measure(p, x, data, minimisers)``: the loss, the squared length of the gradient and the squared distance to
        the nearest minimiser (nan if none is known). They are exact (without samples and noise), and summed in the
        order of `adamlab.rules.reduction`.
    """
    at = measure_at(cls, dtype)

    @compile_part
    def measured(p, x, data, minimisers):
        loss, gradient_sq = at(p, x, data)
        return loss, gradient_sq, distance_sq(x, minimisers)

    return measured


@cache
def measure_at(cls: Any, dtype: str) -> Any:
    """Return the compiled function ``measure(p, x, data)`` for loss and squared gradient length.

    Parameters
    ----------
    cls : type
        Class of the objective.
    dtype : str
        The dtype of theta.

    Returns
    -------
    numba dispatcher
        The function; see `measure`.
    """
    return _measure_separable(cls, dtype) if cls.separable else _measure_whole(cls, dtype)


@cache
def exact_functions(cls: Any, dtype: str) -> tuple[Any, Any]:
    """Return the compiled ``value`` and ``gradient`` of an objective.

    Parameters
    ----------
    cls : type
        Class of the objective.
    dtype : str
        The dtype of theta.

    Returns
    -------
    tuple of two numba dispatchers
        ``value(p, x, *data)`` and ``gradient(p, x, *data)``.
    """
    return compile_part(in_numba(cls.value, dtype)), compile_part(in_numba(cls.gradient, dtype))


def _measure_whole(cls: Any, dtype: str) -> Any:
    value, gradient = exact_functions(cls, dtype)

    @compile_part
    def at(p, x, data):
        return np.float64(value(p, x, *data)), squared_length(gradient(p, x, *data))

    return at


def _measure_separable(cls: Any, dtype: str) -> Any:
    value, gradient = exact_functions(cls, dtype)

    @compile_part
    def at(p, x, data):
        blocks = (x.size + BLOCK - 1) // BLOCK
        losses, squares = np.empty(blocks), np.empty(blocks)
        terms, slopes = np.empty(BLOCK), np.empty(BLOCK, x.dtype)
        for b in range(blocks):
            start = b * BLOCK
            n = min(BLOCK, x.size - start)
            for i in range(start, start + n):
                row = load((x, *data), i)
                terms[i - start] = value(p, *row)
                slopes[i - start] = gradient(p, *row)
            end = pad(terms, n)
            pad(slopes, n)
            losses[b], squares[b] = sum_of_block(terms, end), sum_of_squares(slopes, end)
        return total(losses), total(squares)

    return at


@compile_part
def distance_sq(x, minimisers):
    """Return the squared distance of ``x`` to the nearest row of ``minimisers``; nan if there is no row."""
    nearest = np.nan
    for k in range(minimisers.shape[0]):
        away = x.astype(np.float64)
        for i in range(x.size):
            away[i] -= minimisers[k, i % minimisers.shape[1]]
        length = squared_length(away)
        # min() would not do: it would keep the nan of the start.
        nearest = nearest if length >= nearest else length
    return nearest


@cache
def environment(code: ObjectiveCode) -> Any:
    """Return the compiled function that puts together what the gradient of a run reads.

    Parameters
    ----------
    code : ObjectiveCode
        Code of the problem.

    Returns
    -------
    numba dispatcher
        ``environment(p, q, sample_key, noise_key, like)``: the tuple ``env`` of the objective's parameters (named,
        and rounded to the type of ``like``), the noise's named parameters, and the keys of the two random streams.
    """
    of_objective = compile_part(_as_it_is) if code.objective is None else named_parameters(code.objective)
    of_noise = named_parameters(code.noise)

    @compile_part
    def env(p, q, sample_key, noise_key, like):
        return of_objective(in_dtype(p, like)), of_noise(q), sample_key, noise_key

    return env
