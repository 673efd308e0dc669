"""What of a problem is compiled into kernels: its code, and the files and values that this code depends on."""

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

from adamlab.compiler.compile_time import counted_as_compilation
from adamlab.compiler.elementwise_gradients import Coordinate, coordinate_of
from adamlab.compiler.numpy_semantics import compile_anew, compile_part, in_numba
from adamlab.problems.problem import FunctionPair, Problem
from adamlab.records.fingerprint import has_source
from adamlab.rules.parameters import numbers_of

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
