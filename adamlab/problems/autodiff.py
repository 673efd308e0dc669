"""Exact gradients of a user's value function, by JAX or PyTorch, for calls that give no gradient."""

import types
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from adamlab.problems.problem import Array
from adamlab.problems.torch_functions import Autograd, OnTensors
from adamlab.rules.symbols import ConfigurationError

# Step of the central differences relative to the size of a coordinate (their error is about its square), allowed
# relative difference, and greatest number of coordinates compared.
DIFFERENCE, AGREEMENT, CHECKED = 1e-5, 1e-5, 20


def differentiated(caller: str, value: Callable[[Any], Any], begin: Array) -> tuple[Any, Any]:
    """Return a value function and its gradient as functions of a NumPy array.

    Parameters
    ----------
    caller : str
        The function that the user called, for the message.
    value : callable
        A function of theta that returns a number. It is written in NumPy's operations (its ``np`` is replaced by
        `jax.numpy`), in JAX's, or in PyTorch's (an `OnTensors` of `adamlab.problems.torch_functions`).
    begin : ndarray
        The start of the run.

    Returns
    -------
    value : callable
        The value function; jitted if JAX differentiates it.
    gradient : callable
        The gradient as a function that returns an array in theta's precision; jitted if JAX computes it.

    Raises
    ------
    ConfigurationError
        If JAX is missing, if the library cannot differentiate the function, or if the gradient differs from central
        differences at the start, along up to `CHECKED` coordinates.
    """
    of_torch = isinstance(value, OnTensors)
    value, gradient = (value, Autograd(value.function)) if isinstance(value, OnTensors) else _by_jax(caller, value)
    try:
        slope = gradient(begin)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        what = f"a function that {'PyTorch' if of_torch else 'JAX'} can differentiate"
        reason = str(error).strip().partition("\n")[0]
        raise ConfigurationError(f"{caller}: value must be {what}; {reason}") from error
    _compare(caller, lambda x: float(value(x)), begin, slope)
    return value, gradient


def _by_jax(caller: str, value: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Return a value function and its gradient, both jitted by JAX."""
    if find_spec("jax") is None:
        install = "pip install 'adamlab[autodiff]'"
        raise ConfigurationError(
            f"{caller}: gradient must be given, because JAX is not installed ({install}); it is none"
        )
    import jax

    jax.config.update("jax_enable_x64", True)
    traced = _in_jax(value)
    alone = jax.jit(traced)
    return lambda x: float(alone(x)), Derivative(jax.jit(jax.value_and_grad(traced)))


class Derivative:
    """A gradient computed by JAX and returned as a NumPy array."""

    def __init__(self, value_and_gradient: Callable[[Any], Any]) -> None:
        self._both = value_and_gradient

    def __call__(self, x: Array) -> Array:
        """Return the gradient at ``x``."""
        return np.array(self._both(x)[1])


def _in_jax(value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a plain function with NumPy among its global names replaced by `jax.numpy`; other callables unchanged."""
    import jax.numpy as jnp

    if not isinstance(value, types.FunctionType):
        return value
    names = {name: jnp if known is np else known for name, known in value.__globals__.items()}
    return types.FunctionType(value.__code__, names, value.__name__, value.__defaults__, value.__closure__)


def _compare(caller: str, value: Callable[[Array], float], begin: Array, slope: Array) -> None:
    """Raise `ConfigurationError` if the gradient at the start differs from central differences in float64."""
    x = begin.astype(np.float64).ravel()
    for i in np.unique(np.linspace(0, x.size - 1, CHECKED).astype(int)):
        h = DIFFERENCE * max(1.0, abs(x[i]))
        ends = [value(np.where(np.arange(x.size) == i, x + sign * h, x).reshape(begin.shape)) for sign in (1, -1)]
        expected, given = (ends[0] - ends[1]) / (2 * h), float(slope.ravel()[i])
        scale = max(abs(expected), abs(given), abs(ends[0]), 1.0)
        if not abs(expected - given) <= AGREEMENT * scale:
            what = f"central differences ({expected:g}) at coordinate {i} of the start"
            raise ConfigurationError(f"{caller}: value's derivative must agree with {what}; it is {given:g}")
