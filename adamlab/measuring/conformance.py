"""Comparison of optimizers with other libraries' methods of the same name, by their trajectories.

The optimizer and the other method are given the same recorded gradients, with heavy tails, exact zeros, a first
gradient of zero, and a different scale for each coordinate, from 1e-14 to 1e3, so that an epsilon in another place
shows. A comparison on smooth problems alone would let wrong implementations pass. Two such problems are run in
addition, because there errors feed back into the gradients. Everything is in float64.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adamlab.problems.problem import Array
from adamlab.problems.random_streams import stream
from adamlab.rules.methods import acts_on
from adamlab.running.start import start

SCALES = 10.0 ** np.arange(-14, 4)
RECORDED_STEPS, CLOSED_STEPS = 300, 100
# A matrix rule that ignores the gradient's length is chaotic near the optimum, so it takes few steps, far from it.
MATRIX_SHAPE, MATRIX_STEPS = (6, 6), 12
# Two trajectories are equal to rounding if they differ by at most this fraction of the distance that they covered.
EQUAL = 1e-11

Step = Callable[[Array], Array]


@dataclass(frozen=True)
class Namesake:
    """Another library's method that has the name of one of our optimizers, or is said to be the same.

    Attributes
    ----------
    leaf : str
        Name of our optimizer.
    spelled : str
        The call of the other method as its users write it.
    begin : callable
        ``begin(h, theta0)`` starts the other method with the hyperparameters of our leaf ``h``; it returns a function
        from a gradient to the next iterate.
    differs : str
        The known reason, as a clause, why it takes other steps; empty if it takes the same.
    by : float
        The known difference on recorded gradients, as in `Comparison`; 0 if there is none.
    """

    leaf: str
    spelled: str
    begin: Callable[[Any, Array], Step]
    differs: str = ""
    by: float = 0.0

    def as_known(self, found: "Comparison") -> bool:
        """Return whether a comparison agrees with what is known: equal to rounding, or different within a factor of 2.

        Parameters
        ----------
        found : Comparison
            The comparison.

        Returns
        -------
        bool
            Whether it agrees.
        """
        if not self.differs:
            return found.equal
        return not found.equal and self.by / 2 <= found.recorded <= self.by * 2


@dataclass(frozen=True)
class Comparison:
    """The largest differences between two trajectories, as fractions of the distance that they covered.

    Attributes
    ----------
    recorded : float
        Difference on recorded gradients.
    closed_loop : float
        Difference on problems whose gradients are taken at the iterates.
    """

    recorded: float
    closed_loop: float

    @property
    def equal(self) -> bool:
        """Whether the trajectories on recorded gradients are equal to rounding."""
        return self.recorded <= EQUAL


def compare(optimizer: Any, namesake: Namesake) -> Comparison:
    """Compare the trajectories of an optimizer and its namesake.

    Parameters
    ----------
    optimizer : leaf of `adamlab.optimizers`
        Our optimizer.
    namesake : Namesake
        The other library's method.

    Returns
    -------
    Comparison
        The largest differences.
    """

    def apart(follow: Callable[[Step, Any, Array], Array], drive: Any, theta0: Array) -> float:
        ours, theirs = (follow(begin(optimizer, theta0), drive, theta0) for begin in (_ours, namesake.begin))
        return _apart(ours, theirs, theta0)

    recorded = [apart(_fed, gradients, theta0) for gradients, theta0 in _recorded(optimizer)]
    with np.errstate(all="ignore"):
        closed = [apart(_closed, slope, theta0) for slope, theta0 in _problems(optimizer)]
    return Comparison(max(recorded), max(closed))


def recorded_gradients(seed: int, *, first_zero: bool) -> Array:
    """Return a stream of recorded gradients.

    Parameters
    ----------
    seed : int
        Seed of the random numbers.
    first_zero : bool
        Whether the first gradient is zero.

    Returns
    -------
    ndarray, shape (RECORDED_STEPS, SCALES.size), float64
        A row for each step.
    """
    rng = stream(seed, "recorded gradients")
    gradients: Array = rng.standard_t(1.5, (RECORDED_STEPS, SCALES.size)) * SCALES
    gradients[rng.random(gradients.shape) < 0.05] = 0.0
    if first_zero:
        gradients[0] = 0.0
    return gradients


def _ours(optimizer: Any, theta0: Array) -> Step:
    return start(optimizer, theta0, backend="numpy").step


def _recorded(optimizer: Any) -> Iterable[tuple[Array, Array]]:
    """Yield gradients and starts: the origin, where no step is lost in the rounding of theta, and another point."""
    if acts_on(optimizer) == "matrix":
        rng = stream(0, "recorded matrices")
        yield rng.standard_t(3, (MATRIX_STEPS, *MATRIX_SHAPE)), rng.standard_normal(MATRIX_SHAPE)
        return
    elsewhere = stream(0, "start").standard_normal(SCALES.size)
    for first_zero in (False, True):
        for theta0 in (np.zeros(SCALES.size), elsewhere):
            yield recorded_gradients(0, first_zero=first_zero), theta0


def _problems(optimizer: Any) -> Iterable[tuple[Callable[[Array], Array], Array]]:
    """Yield gradient functions and starts: a quadratic with different curvatures, and Rosenbrock's function.

    For matrix rules the second problem is another quadratic.
    """
    shape = MATRIX_SHAPE if acts_on(optimizer) == "matrix" else (10,)
    rng = stream(0, "problems")
    curvature = np.geomspace(1, 100, int(np.prod(shape))).reshape(shape)
    yield (lambda x: curvature * x), rng.standard_normal(shape) + 3
    if acts_on(optimizer) == "matrix":
        mixing = rng.standard_normal(shape)
        yield (lambda x: mixing.T @ (mixing @ x)), rng.standard_normal(shape) + 3
    else:
        yield _rosenbrock_slope, np.resize([-1.2, 1.0], shape)


def _rosenbrock_slope(x: Array) -> Array:
    valley = 200 * (x[1:] - x[:-1] ** 2)
    slope = np.zeros_like(x)
    slope[:-1] = -2 * x[:-1] * valley - 2 * (1 - x[:-1])
    slope[1:] += valley
    return slope


def _fed(step: Step, gradients: Array, _: Array) -> Array:
    return np.array([step(gradient.copy()) for gradient in gradients])


def _closed(step: Step, slope: Callable[[Array], Array], theta: Array) -> Array:
    path = []
    for _ in range(MATRIX_STEPS if theta.ndim == 2 else CLOSED_STEPS):
        theta = step(slope(theta))
        path.append(theta)
    return np.array(path)


def _apart(ours: Array, theirs: Array, theta0: Array) -> float:
    """Return the largest difference over steps and coordinates, relative to the size of the coordinate.

    The size is how far ours moves from the start, or the start's absolute value if that is larger; for a matrix, it
    is the largest of all coordinates. Trajectories are compared as long as they are finite. The difference is
    infinite if one ceases to be finite before the other.
    """
    inside = [_finite_steps(path) for path in (ours, theirs)]
    if inside[0] != inside[1]:
        return np.inf
    if inside[0] == 0:
        return 0.0
    ours, theirs = ours[: inside[0]], theirs[: inside[0]]
    way = np.maximum(np.abs(ours - theta0).max(axis=0), np.abs(theta0))
    if theta0.ndim == 2:
        way = np.full_like(way, way.max())
    gap = np.abs(ours - theirs).max(axis=0)
    return float(np.max(np.divide(gap, way, out=np.where(gap > 0, np.inf, 0.0), where=way > 0)))


def _finite_steps(path: Array) -> int:
    """Return the number of steps before a coordinate of a trajectory is no longer finite."""
    finite = np.isfinite(path).reshape(len(path), -1).all(axis=1)
    return len(path) if finite.all() else int(np.argmin(finite))
