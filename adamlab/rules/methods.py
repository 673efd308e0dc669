"""What a method's leaf says of itself: what its rule acts on, and how its state begins."""

from functools import cache
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray


def acts_on(optimizer: Any) -> str:
    """What an optimizer's ``update`` works on: a ``coordinate`` (or any array of them), a ``vector``, a ``matrix``."""
    return str(getattr(optimizer, "acts_on", "coordinate"))


@cache
def state_names(optimizer: Any) -> tuple[str, ...]:
    """The names of an optimizer class's state: the parameters of ``update`` after ``c``, ``g`` and ``theta``."""
    return tuple(signature(optimizer.update).parameters)[3:]


@cache
def first_carry(optimizer: Any) -> tuple[float, ...]:
    """What ``coefficients`` of an optimizer class receives at step 1 after ``t``: the defaults of its parameters."""
    return tuple(float(p.default) for p in list(signature(optimizer.coefficients).parameters.values())[2:])


def first_state(optimizer: Any, theta0: NDArray[np.floating[Any]]) -> tuple[Any, ...]:
    """An optimizer's state before step 1: its ``first_state``, or zeros; arrays in theta0's dtype, numbers float64."""
    if hasattr(optimizer, "first_state"):
        states = optimizer.first_state(theta0)
        return tuple(np.array(start, theta0.dtype) if np.ndim(start) else float(start) for start in states)
    return tuple(np.zeros_like(theta0) for _ in state_names(optimizer.__class__))


@cache
def reported_place(optimizer: Any) -> int:
    """Where the reported point stands in ``(theta, *state)`` of an optimizer class; see its ``reports``."""
    return 1 + state_names(optimizer).index(optimizer.reports) if hasattr(optimizer, "reports") else 0
