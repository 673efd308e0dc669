"""Does another library's method of the same name take the same steps? Trajectories beside trajectories.

Recorded gradients come first: heavy tails, exact zeros, a zero first gradient, and a scale of its own for each
coordinate, from 1e-14 to 1e3, so that an epsilon in another place shows. A smooth problem alone lets wrong
implementations pass; two are run all the same, because there errors feed back. Everything is in float64.
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
# A matrix rule that ignores the gradient's length is chaotic near the optimum: few steps, far from it.
MATRIX_SHAPE, MATRIX_STEPS = (6, 6), 12
# Two trajectories are equal to rounding if they differ by less than this part of the way they went.
EQUAL = 1e-11

Step = Callable[[Array], Array]


@dataclass(frozen=True)
class Namesake:
    """Another library's method that goes by a leaf's name, or is said to be the same.

    ``leaf`` is ours; ``spelled`` is how its users write theirs; ``begin(h, theta0)`` starts it with our leaf's
    hyperparameters ``h`` and gives a function from a gradient to the next iterate. ``differs`` is the reason, in a
    clause, why it takes other steps, and ``by`` how much they differ on recorded gradients; empty where it does not.
    """

    leaf: str
    spelled: str
    begin: Callable[[Any, Array], Step]
    differs: str = ""
    by: float = 0.0

    def as_known(self, found: "Comparison") -> bool:
        """Whether a comparison came out as recorded here: equal to rounding, or different by about as much."""
        if not self.differs:
            return found.equal
        return not found.equal and self.by / 2 <= found.recorded <= self.by * 2


@dataclass(frozen=True)
class Comparison:
    """How far two trajectories are apart, as parts of the way they went: on recorded gradients, and in closed loop."""

    recorded: float
    closed_loop: float

    @property
    def equal(self) -> bool:
        """Whether they are equal to rounding on recorded gradients."""
        return self.recorded <= EQUAL


def compare(optimizer: Any, namesake: Namesake) -> Comparison:
    """Run a leaf and its namesake side by side."""

    def apart(follow: Callable[[Step, Any, Array], Array], drive: Any, theta0: Array) -> float:
        ours, theirs = (follow(begin(optimizer, theta0), drive, theta0) for begin in (_ours, namesake.begin))
        return _apart(ours, theirs, theta0)

    recorded = [apart(_fed, gradients, theta0) for gradients, theta0 in _recorded(optimizer)]
    with np.errstate(all="ignore"):
        closed = [apart(_closed, slope, theta0) for slope, theta0 in _problems(optimizer)]
    return Comparison(max(recorded), max(closed))


def recorded_gradients(seed: int, *, first_zero: bool) -> Array:
    """Gradients of `RECORDED_STEPS` steps (rows) in as many coordinates as there are `SCALES`."""
    rng = stream(seed, "recorded gradients")
    gradients: Array = rng.standard_t(1.5, (RECORDED_STEPS, SCALES.size)) * SCALES
    gradients[rng.random(gradients.shape) < 0.05] = 0.0
    if first_zero:
        gradients[0] = 0.0
    return gradients


def _ours(optimizer: Any, theta0: Array) -> Step:
    return start(optimizer, theta0, backend="numpy").step


def _recorded(optimizer: Any) -> Iterable[tuple[Array, Array]]:
    """Streams of gradients and starts: from zero, where no move is lost in a large number, and from elsewhere."""
    if acts_on(optimizer) == "matrix":
        rng = stream(0, "recorded matrices")
        yield rng.standard_t(3, (MATRIX_STEPS, *MATRIX_SHAPE)), rng.standard_normal(MATRIX_SHAPE)
        return
    elsewhere = stream(0, "start").standard_normal(SCALES.size)
    for first_zero in (False, True):
        for theta0 in (np.zeros(SCALES.size), elsewhere):
            yield recorded_gradients(0, first_zero=first_zero), theta0


def _problems(optimizer: Any) -> Iterable[tuple[Callable[[Array], Array], Array]]:
    """A bowl whose axes differ in curvature, and Rosenbrock's valley (a second bowl for matrices)."""
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
    """The largest difference over steps and coordinates, each as a part of how far the coordinate went or started.

    Paths that leave the finite numbers are compared up to there; it counts as infinite if one goes before the other.
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
    """How many steps a path goes before a coordinate is no longer finite."""
    finite = np.isfinite(path).reshape(len(path), -1).all(axis=1)
    return len(path) if finite.all() else int(np.argmin(finite))
