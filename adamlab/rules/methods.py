"""Properties that an optimizer's leaf declares: what its rule acts on, its state, and where the state starts."""

from functools import cache
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray


def acts_on(optimizer: Any) -> str:
    """Return what an optimizer's ``update`` acts on.

    Parameters
    ----------
    optimizer : dataclass or type
        A leaf of `adamlab.optimizers`, or its class.

    Returns
    -------
    str
        ``"coordinate"`` (one coordinate, or an array of them element by element), ``"vector"`` or ``"matrix"``.
    """
    return str(getattr(optimizer, "acts_on", "coordinate"))


@cache
def state_names(optimizer: Any) -> tuple[str, ...]:
    """Return the names of an optimizer's state.

    Parameters
    ----------
    optimizer : type
        The class of a leaf of `adamlab.optimizers`.

    Returns
    -------
    tuple of str
        The names of the parameters of ``update`` after ``c``, ``g`` and ``theta``.
    """
    return tuple(signature(optimizer.update).parameters)[3:]


@cache
def first_carry(optimizer: Any) -> tuple[float, ...]:
    """Return the values that an optimizer's ``coefficients`` receives after ``t`` at step 1.

    Parameters
    ----------
    optimizer : type
        The class of a leaf of `adamlab.optimizers`.

    Returns
    -------
    tuple of float
        The defaults of the parameters after ``t``.
    """
    return tuple(float(p.default) for p in list(signature(optimizer.coefficients).parameters.values())[2:])


def first_state(optimizer: Any, theta0: NDArray[np.floating[Any]]) -> tuple[Any, ...]:
    """Return an optimizer's state before step 1.

    Parameters
    ----------
    optimizer : dataclass
        A leaf of `adamlab.optimizers`.
    theta0 : ndarray
        The start of the run.

    Returns
    -------
    tuple
        What the leaf's ``first_state`` returns, or an array of zeros like ``theta0`` for each state if it has none.
        Arrays have theta0's dtype, numbers are float64.
    """
    if hasattr(optimizer, "first_state"):
        states = optimizer.first_state(theta0)
        return tuple(np.array(start, theta0.dtype) if np.ndim(start) else float(start) for start in states)
    return tuple(np.zeros_like(theta0) for _ in state_names(optimizer.__class__))


@cache
def reported_place(optimizer: Any) -> int:
    """Return the index in ``(theta, *state)`` of the point that an optimizer reports as its answer.

    Parameters
    ----------
    optimizer : type
        The class of a leaf of `adamlab.optimizers`.

    Returns
    -------
    int
        The index of the state that the class attribute ``reports`` names, or 0 (theta) if there is no such attribute.
    """
    return 1 + state_names(optimizer).index(optimizer.reports) if hasattr(optimizer, "reports") else 0
