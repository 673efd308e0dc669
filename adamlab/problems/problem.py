"""The problem that an optimizer is run on: an objective, noise on its gradient, and a seed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamlab.problems.random_streams import stream_key
from adamlab.rules.reduction import squared_length, total

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class FunctionPair:
    """An objective given as two functions of an array.

    Attributes
    ----------
    value : callable
        The loss at an array theta.
    gradient : callable
        The gradient at theta, an array of theta's shape.
    dtype : str
        ``"float64"`` or ``"float32"``.
    name : str
        The objective's name, which selects its random streams.
    """

    value: Callable[[Array], float]
    gradient: Callable[[Array], Array]
    dtype: str
    name: str = "pair"
    separable = False


@dataclass(frozen=True)
class Problem:
    """An objective, the noise on its gradient, and the seed of its random numbers.

    Attributes
    ----------
    objective : dataclass
        A leaf of `adamlab.objectives`, or a `FunctionPair`.
    noise : dataclass or None
        A leaf of `adamlab.noises`, or None for exact gradients.
    seed : int
        The seed of the noise and of the sampled gradients.
    """

    objective: Any
    noise: Any = None
    seed: int = 0

    @cached_property
    def data(self) -> tuple[Array, ...]:
        """Arrays that the objective's functions take after theta; floating-point ones have the objective's dtype."""
        return objective_data(self.objective)

    @cached_property
    def minimisers(self) -> NDArray[np.float64]:
        """Known global minimisers, shape (k, dim), or (k, 1) if all coordinates are equal; k is 0 if none is known."""
        if not hasattr(self.objective, "minimisers"):
            return np.empty((0, 1))
        return np.ascontiguousarray(self.objective.minimisers(), np.float64)

    def load(self) -> None:
        """Make `data` and `minimisers` now and keep them, for example before a run is timed."""
        _ = self.data, self.minimisers

    @property
    def box(self) -> tuple[float, float] | None:
        """Interval that every coordinate is kept in, or None."""
        return getattr(self.objective, "box", None)

    @property
    def is_sampled(self) -> bool:
        """Whether the gradient is drawn anew at each step."""
        return hasattr(self.objective, "sampled_gradient")

    @property
    def shape(self) -> tuple[int, int] | None:
        """Rows and columns of theta for optimizers that act on a matrix, or None."""
        return getattr(self.objective, "shape", None)

    def key(self, use: str) -> np.uint64:
        """Return the key of a random stream, which depends on the seed, the objective's name and the use only.

        Parameters
        ----------
        use : str
            ``"noise"`` or ``"samples"``.

        Returns
        -------
        numpy.uint64
            The key, for `adamlab.problems.philox`.
        """
        return stream_key(self.seed, f"{objective_name(self.objective)} {use}")

    def measure(self, theta: Array) -> tuple[float, float, float]:
        """Return loss, squared gradient length and squared distance to a minimiser at a point, computed by NumPy.

        Parameters
        ----------
        theta : ndarray
            The point.

        Returns
        -------
        loss : float
            The loss.
        gradient_sq : float
            The squared L2 length of the exact gradient.
        distance_sq : float
            The squared L2 distance to the nearest known minimiser; nan if none is known.

        Notes
        -----
        Sums over coordinates are taken in the fixed order of `adamlab.rules.reduction`.
        """
        objective = self.objective
        with np.errstate(all="ignore"):
            value, gradient = objective.value(theta, *self.data), objective.gradient(theta, *self.data)
            loss = total(value) if objective.separable else float(np.asarray(value).item())
            return loss, squared_length(gradient), self._distance_sq(theta)

    def _distance_sq(self, theta: Array) -> float:
        """Return the squared distance to the nearest known minimiser, or nan if none is known."""
        distances = [squared_length(theta - minimiser) for minimiser in self.minimisers]
        return min(distances) if distances else math.nan


def objective_data(objective: Any) -> tuple[Array, ...]:
    """Return the arrays that an objective's functions take after theta.

    Parameters
    ----------
    objective : dataclass
        A leaf of `adamlab.objectives`, or a `FunctionPair`.

    Returns
    -------
    tuple of ndarray
        Contiguous arrays; floating-point ones have the objective's dtype.
    """
    arrays = objective.data() if hasattr(objective, "data") else ()
    return tuple(np.ascontiguousarray(a, objective.dtype if a.dtype.kind == "f" else a.dtype) for a in arrays)


def objective_name(objective: Any) -> str:
    """Return the name of an objective.

    Parameters
    ----------
    objective : dataclass
        A leaf of `adamlab.objectives`, or a `FunctionPair`.

    Returns
    -------
    str
        The name of the leaf's file, or the name that was given to the pair of functions.
    """
    if isinstance(objective, FunctionPair):
        return objective.name
    return type(objective).__module__.rpartition(".")[2]
