"""A user's PyTorch functions as functions of NumPy arrays, and their exact gradients by autograd.

A function that refers to PyTorch, by any of the names it uses, is called with a tensor. No declaration is needed.
"""

import inspect
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from adamlab.problems.problem import Array


def uses_torch(function: Any) -> bool:
    """Return whether a function refers to PyTorch, or a callable is an instance of one of its classes.

    Parameters
    ----------
    function : callable
        A user's function, or an object that can be called.

    Returns
    -------
    bool
        True for a function with an object of PyTorch among its global names or its closure, and for an instance of a
        class that PyTorch defines or of a subclass.
    """
    if not isinstance(function, FunctionType):
        return any(map(_is_of_torch, type(function).__mro__))
    outside = inspect.getclosurevars(function)
    return any(map(_is_of_torch, {**outside.globals, **outside.nonlocals}.values()))


def _is_of_torch(value: Any) -> bool:
    """Return whether a value is PyTorch, one of its modules, or defined in one."""
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(home, str) and home.partition(".")[0] == "torch"


class OnTensors:
    """A function of a tensor, called with an array and without recording derivatives."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function, self.__qualname__ = function, getattr(function, "__qualname__", type(function).__name__)

    def __call__(self, x: Array) -> Any:
        """Return the function's value at ``x``; the function is called with a copy."""
        import torch

        with torch.no_grad():
            return np.asarray(self.function(torch.tensor(x)))


class Autograd(OnTensors):
    """The exact gradient of a function of a tensor, by autograd."""

    def __call__(self, x: Array) -> Array:
        """Return the gradient at ``x``, or raise PyTorch's exception if it cannot be computed."""
        import torch

        theta = torch.tensor(x, requires_grad=True)
        self.function(theta).backward()
        gradient: Array = theta.grad.numpy()
        return gradient
