"""Objectives given as Python functions, whose results are checked once, at the start."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamlab.problems.problem import Array, FunctionPair
from adamlab.problems.torch_functions import OnTensors, uses_torch
from adamlab.rules.symbols import ConfigurationError


def checked_pair(caller: str, functions: Any, begin: Array, name: str = "pair") -> FunctionPair:
    """Return a pair of functions as an objective, after calling each of them once at the start.

    Parameters
    ----------
    caller : str
        The function that the user called, for the message.
    functions : callable or sequence of callables
        ``(value, gradient)``; without a gradient, ``(value, None)`` or ``value`` alone, JAX or PyTorch differentiates
        the value (`adamlab.problems.autodiff`). A function that uses PyTorch takes tensors
        (`adamlab.problems.torch_functions`).
    begin : ndarray
        The start of the run.
    name : str, optional
        The objective's name.

    Returns
    -------
    FunctionPair
        The objective.

    Raises
    ------
    ConfigurationError
        If they are not functions, if one of them raises or changes theta, if the value is not a finite number, or if
        the gradient is not a finite array of theta's shape.
    """
    pair: Sequence[Any] = functions if isinstance(functions, tuple | list) else (functions, None)
    if len(pair) != 2 or not callable(pair[0]) or not (pair[1] is None or callable(pair[1])):
        raise ConfigurationError(
            f"{caller}: objective must be a pair of functions (value, gradient); it is {functions!r}"
        )
    value, gradient = (OnTensors(function) if uses_torch(function) else function for function in pair)
    x = begin.copy()
    loss = _at_start(caller, "value", value, x)
    if loss.size != 1 or loss.dtype.kind not in "fiu":
        raise ConfigurationError(f"{caller}: value(theta) must be a number; it is {_described(loss)}")
    if not np.isfinite(loss).all():
        raise ConfigurationError(f"{caller}: value(theta) must be finite at the start; it is {loss.item()}")
    if gradient is None:
        from adamlab.problems.autodiff import differentiated

        value, gradient = differentiated(caller, value, begin)
    slope = _at_start(caller, "gradient", gradient, x)
    if slope.shape != begin.shape or slope.dtype.kind not in "fiu":
        expected = f"an array of theta's shape {begin.shape}"
        raise ConfigurationError(f"{caller}: gradient(theta) must be {expected}; it is {_described(slope)}")
    if not np.isfinite(slope).all():
        odd = slope[~np.isfinite(slope)].flat[0]
        raise ConfigurationError(f"{caller}: gradient(theta) must be finite at the start; it has {odd}")
    if x.tobytes() != begin.tobytes():
        raise ConfigurationError(f"{caller}: value and gradient must not modify theta; one of them does")
    return FunctionPair(value, gradient, begin.dtype.name, name)


def _at_start(caller: str, role: str, function: Any, x: Array) -> NDArray[Any]:
    """Return what a function returns at the start, as an array, or raise `ConfigurationError` if it raises."""
    try:
        return np.asarray(function(x))
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise ConfigurationError(
            f"{caller}: {role}(theta) must have a value at the start; it raises {reason}"
        ) from error


def _described(given: NDArray[Any]) -> str:
    """Return a description of a function's result for a message: dtype and shape, or the object itself."""
    return f"an array of {given.dtype}, shape {given.shape}" if given.dtype != object else f"{given.item()!r}"
