"""The parts of a kernel that come from the problem: its gradient as a run sees it, and its value.

The gradient as a run sees it is the one that steps are taken with: drawn anew at each step if the objective is
sampled, and with noise. Loss and gradient length are measured with the exact value and gradient.
"""

import hashlib
import inspect
import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache, lru_cache
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher as _Dispatcher

from adamlab.compiler.array_access import load, sum_of_block, sum_of_squares
from adamlab.compiler.compile_time import counted_as_compilation
from adamlab.compiler.elementwise_gradients import Coordinate, coordinate_of
from adamlab.compiler.numpy_semantics import compile_anew, compile_part, in_dtype, in_numba, pad
from adamlab.compiler.parameters import named_parameters
from adamlab.compiler.random_numbers import compiled_draw, fill_draws, noisy_coordinate
from adamlab.problems.problem import FunctionPair, Problem
from adamlab.records.fingerprint import has_source
from adamlab.rules.parameters import numbers_of
from adamlab.rules.reduction import BLOCK, squared_length, total

Captured = tuple[tuple[str, Hashable], ...]


@dataclass(frozen=True)
class ObjectiveCode:
    """The code of a problem that is compiled into kernels; problems whose `ObjectiveCode` is equal share their kernels.

    The numbers of a problem are not part of it: kernels take them as arguments.

    Attributes
    ----------
    name : str
        Part of the kernel's file name; it distinguishes code that comes from the same modules.
    modules : tuple of str or None
        Modules that contain the code. None if an edit of the code might not be noticed: some of it is in no file, is
        a lambda or a nested function that is compiled whole, or calls a jitted function, which may be in another
        file. Kernels of such code are not kept on disk.
    objective : type or None
        Class of the objective; None for a user's function, or if the gradient is given.
    noise : type or None
        Class of the noise; None without noise.
    dtype : str
        ``float64`` or ``float32``.
    stepping : callable
        The gradient that steps are taken with, without noise: ``stepping(p, x, t, draw, *data)``, of one coordinate
        if ``separable``, else of whole arrays.
    separable : bool
        Whether a coordinate of the gradient depends on that coordinate of theta only.
    draws : str or None
        The kind of random numbers that ``stepping`` takes as ``draw`` (`adamlab.problems.philox.DRAWS`), if any.
    box : tuple of (float, float) or None
        The interval that every coordinate is kept in, if any.
    """

    name: str
    modules: tuple[str, ...] | None
    objective: Any
    noise: Any
    dtype: str
    stepping: Callable[..., Any]
    separable: bool
    draws: str | None
    box: tuple[float, float] | None


# Users' gradients that Numba could not compile.
not_compilable: set[Callable[..., Any]] = set()


class CalledGradient(UserWarning):
    """Warning that a gradient is called at each step instead of being compiled into the loop."""


def say_called(function: Any, reason: str) -> None:
    """Warn that a gradient is called at each step.

    Parameters
    ----------
    function : callable
        The gradient.
    reason : str
        Why it is called, as a clause.

    Notes
    -----
    Python shows each such warning once.
    """
    name = getattr(function, "__qualname__", type(function).__name__)
    warnings.warn(
        f"minimize: the gradient {name} is called at each step, because {reason}", CalledGradient, stacklevel=2
    )


def code_of(problem: Problem) -> ObjectiveCode | None:
    """Return the code of a problem that is compiled into kernels.

    Parameters
    ----------
    problem : Problem
        The objective, its noise and its seed.

    Returns
    -------
    ObjectiveCode or None
        The code; None if the gradient has to be called, of which `CalledGradient` warns.
    """
    objective: Any = problem.objective
    noise = None if problem.noise is None else problem.noise.__class__
    function: Any = objective.gradient
    if inspect.ismethod(function) and function.__self__ is objective:
        cls: Any = objective.__class__
        return _code_of_leaf(cls, noise, problem.objective.dtype)
    if isinstance(function, FunctionType) and function in not_compilable:
        return None
    if not isinstance(function, FunctionType):
        say_called(function, "it is not a plain Python function")
        return None
    captured = _captured(function)
    if captured is None:
        say_called(function, "it uses values that Numba would freeze")
        return None
    elementwise = _coordinate_of_user(function, objective.dtype, captured)
    if elementwise is not None:
        return _code_of_coordinate(elementwise[0], _file_name(function), noise, objective.dtype)
    return _code_of_user(function, noise, objective.dtype, captured)


def numbers_of_problem(problem: Problem) -> tuple[float, ...]:
    """Return the numbers that a problem's compiled gradient takes as arguments.

    Parameters
    ----------
    problem : Problem
        The problem.

    Returns
    -------
    tuple of float
        The numeric parameters of a leaf, or the numbers in a user's elementwise gradient; empty for other functions.
    """
    objective = problem.objective
    if not isinstance(objective, FunctionPair):
        return numbers_of(objective)
    function: Any = objective.gradient
    captured = _captured(function) if isinstance(function, FunctionType) else None
    elementwise = None if captured is None else _coordinate_of_user(function, objective.dtype, captured)
    return () if elementwise is None else elementwise[1]


@cache
@counted_as_compilation()
def _code_of_leaf(cls: Any, noise: Any, dtype: str) -> ObjectiveCode:
    if hasattr(cls, "sampled_gradient"):
        stepping, draws = in_numba(cls.sampled_gradient, dtype), cls.draws
    else:
        exact, draws = compile_part(in_numba(cls.gradient, dtype)), None

        def stepping(p, x, t, draw, *data):
            return exact(p, x, *data)

    leaves = (cls,) if noise is None else (cls, noise)
    return ObjectiveCode(
        name="-".join(leaf.__name__ for leaf in leaves),
        modules=_files(*leaves),
        objective=cls,
        noise=noise,
        dtype=dtype,
        stepping=stepping,
        separable=cls.separable,
        draws=draws,
        box=getattr(cls, "box", None),
    )


def _files(*code: Any) -> tuple[str, ...] | None:
    modules = tuple(part.__module__ for part in code)
    return modules if all(map(has_source, modules)) else None


def given_gradient(dtype: str, box: tuple[float, float] | None) -> ObjectiveCode:
    """Return the code of a step whose gradient is given to the kernel as an array.

    Parameters
    ----------
    dtype : str
        The dtype of theta.
    box : tuple of (float, float) or None
        The interval that every coordinate is kept in, if any.

    Returns
    -------
    ObjectiveCode
        The code.
    """
    return ObjectiveCode(f"given-{box}", (), None, None, dtype, _unused, False, None, box)


def _unused(p, x, t, draw):
    return x


@lru_cache(maxsize=64)
@counted_as_compilation()
def _coordinate_of_user(function: FunctionType, dtype: str, captured: Captured) -> Any:
    """Return `coordinate_of` of a function from a cache, whose key includes the ``captured`` values that it reads."""
    return coordinate_of(function, dtype)


@cache
@counted_as_compilation()
def _code_of_coordinate(coordinate: Coordinate, name: str, noise: Any, dtype: str) -> ObjectiveCode:
    """Return the code of an elementwise gradient; gradients that differ only in their numbers share it."""
    text = hashlib.sha256(repr(coordinate).encode()).hexdigest()[:20]
    return ObjectiveCode(
        name=f"{name}-{text}-{'' if noise is None else noise.__name__}",
        modules=() if noise is None else _files(noise),
        objective=None,
        noise=noise,
        dtype=dtype,
        stepping=coordinate.function(dtype),
        separable=True,
        draws=None,
        box=None,
    )


def _file_name(function: FunctionType) -> str:
    return function.__name__.strip("<>")


@lru_cache(maxsize=64)
@counted_as_compilation()
def _code_of_user(function: Callable[..., Any], noise: Any, dtype: str, captured: Captured) -> ObjectiveCode:
    """Return the code of a gradient of whole arrays; it freezes the ``captured`` values, so others need other code."""
    compiled = compile_anew(function)
    frozen = hashlib.sha256(repr(captured).encode()).hexdigest()[:20]
    # Functions that are compiled into it must be in the same file; otherwise an edit of them would not be noticed.
    in_one_file = "<" not in function.__qualname__ and not any(isinstance(value, _Dispatcher) for _, value in captured)
    return ObjectiveCode(
        name=f"{function.__qualname__}-{frozen}-{'' if noise is None else noise.__name__}",
        modules=_files(function, *(() if noise is None else (noise,))) if in_one_file else None,
        objective=None,
        noise=noise,
        dtype=dtype,
        stepping=lambda p, x, t, draw: compiled(x),
        separable=False,
        draws=None,
        box=None,
    )


def _captured(function: FunctionType) -> Captured | None:
    """Return the values that a function reads from outside, or hashes of them; None if one might change unnoticed."""
    outside = inspect.getclosurevars(function)
    values: list[tuple[str, Hashable]] = []
    for name, value in sorted({**outside.globals, **outside.nonlocals}.items()):
        if isinstance(value, np.ndarray):
            values.append((name, (value.shape, value.dtype.str, hashlib.sha256(value.tobytes()).hexdigest())))
        elif isinstance(value, bool | int | float | complex | np.number):
            values.append((name, (type(value).__name__, repr(value))))
        elif isinstance(value, _Dispatcher):
            values.append((name, value))
        elif not isinstance(value, np.ufunc) and not _is_of_numpy(value):
            return None
    return tuple(values)


def _is_of_numpy(value: Any) -> bool:
    """Return whether ``value`` is a module whose contents do not change: NumPy, a part of it, ``math`` or ``cmath``."""
    return isinstance(value, ModuleType) and value.__name__.partition(".")[0] in ("numpy", "math", "cmath")


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
