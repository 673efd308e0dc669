"""A user's functions written in PyTorch, as functions of NumPy's arrays; their exact derivatives by its autograd.

A function that refers to PyTorch, by any of the names it uses, is given a tensor; there is nothing else to say.
"""

import inspect
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from adamlab.problems.problem import Array


def uses_torch(function: Any) -> bool:
    """Whether a function refers to PyTorch, or a callable is an object of a class of its."""
    if not isinstance(function, FunctionType):
        return any(map(_is_of_torch, type(function).__mro__))
    outside = inspect.getclosurevars(function)
    return any(map(_is_of_torch, {**outside.globals, **outside.nonlocals}.values()))


def _is_of_torch(value: Any) -> bool:
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(home, str) and home.partition(".")[0] == "torch"


class OnTensors:
    """A function of a tensor as one of an array, without a track of derivatives."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function, self.__qualname__ = function, getattr(function, "__qualname__", type(function).__name__)

    def __call__(self, x: Array) -> Any:
        """The function at ``x``, of which it gets a copy."""
        import torch

        with torch.no_grad():
            return np.asarray(self.function(torch.tensor(x)))


class Autograd(OnTensors):
    """The exact gradient of a value that is a function of a tensor."""

    def __call__(self, x: Array) -> Array:
        """The gradient at ``x``; raises what PyTorch raises where there is none."""
        import torch

        theta = torch.tensor(x, requires_grad=True)
        self.function(theta).backward()
        gradient: Array = theta.grad.numpy()
        return gradient
