"""What an optimizer is run on."""

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
    """An objective given as two functions of an array; ``name`` says which, for its random streams."""

    value: Callable[[Array], float]
    gradient: Callable[[Array], Array]
    dtype: str
    name: str = "pair"
    separable = False


@dataclass(frozen=True)
class Problem:
    """An objective, the noise on its gradient (a leaf of `adamlab.noises`, or None), and the seed of what is random."""

    objective: Any
    noise: Any = None
    seed: int = 0

    @cached_property
    def data(self) -> tuple[Array, ...]:
        """The arrays an objective's functions take after theta, floating ones in its dtype."""
        return objective_data(self.objective)

    @cached_property
    def minimisers(self) -> NDArray[np.float64]:
        """The known global minimisers, one a row, of ``dim`` numbers or one for all; no rows if none is known."""
        if not hasattr(self.objective, "minimisers"):
            return np.empty((0, 1))
        return np.ascontiguousarray(self.objective.minimisers(), np.float64)

    @property
    def box(self) -> tuple[float, float] | None:
        """The interval that every coordinate is kept in, if any."""
        return getattr(self.objective, "box", None)

    @property
    def is_sampled(self) -> bool:
        """Whether the gradient is drawn anew at each step."""
        return hasattr(self.objective, "sampled_gradient")

    @property
    def shape(self) -> tuple[int, int] | None:
        """The matrix that theta is to methods that act on one, if any."""
        return getattr(self.objective, "shape", None)

    def key(self, use: str) -> np.uint64:
        """The key of the random stream for ``use`` (``noise`` or ``samples``): of the seed and the objective's name."""
        return stream_key(self.seed, f"{objective_name(self.objective)} {use}")

    def measure(self, theta: Array) -> tuple[float, float, float]:
        """The loss, the exact gradient's squared length, and the squared distance to the nearest minimiser (or nan).

        By NumPy; sums are taken in the lab's order.
        """
        objective = self.objective
        with np.errstate(all="ignore"):
            value, gradient = objective.value(theta, *self.data), objective.gradient(theta, *self.data)
            loss = total(value) if objective.separable else float(np.asarray(value).item())
            return loss, squared_length(gradient), self._distance_sq(theta)

    def _distance_sq(self, theta: Array) -> float:
        distances = [squared_length(theta - minimiser) for minimiser in self.minimisers]
        return min(distances) if distances else math.nan


def objective_data(objective: Any) -> tuple[Array, ...]:
    """The arrays an objective's functions take after theta, floating ones in its dtype."""
    arrays = objective.data() if hasattr(objective, "data") else ()
    return tuple(np.ascontiguousarray(a, objective.dtype if a.dtype.kind == "f" else a.dtype) for a in arrays)


def objective_name(objective: Any) -> str:
    """What an objective is called: its file's name, or the name a pair of functions was given."""
    if isinstance(objective, FunctionPair):
        return objective.name
    return type(objective).__module__.rpartition(".")[2]
