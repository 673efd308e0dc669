"""One run: an optimizer from a start until it converges, diverges or has taken its steps."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from adamlab.backends import Array, Stepper, objective_data, stepper
from adamlab.reduction import squared_length, total
from adamlab.symbols import BACKEND, N_STEPS, TOLERANCE, Choice, ConfigurationError, Number

Status = Literal["converged", "max_steps", "diverged"]
TRACE = Choice("", ("log", "every", "none"))
TRACE_POINTS = Number("points", "[2, inf)", whole=True)
Pair = tuple[Callable[[Array], float], Callable[[Array], Array]]


@dataclass(frozen=True)
class Result:
    """What a run came to.

    ``status``: ``converged`` (a step was shorter than ``tol``), ``max_steps`` (all steps taken) or ``diverged`` (a
    step, or the loss at the end, was not finite). ``steps`` counts steps taken. ``theta`` is the point the method gives
    as its answer, ``loss`` and ``grad_norm`` are the objective and the L2 norm of its gradient there, and ``iterate``
    is where the next gradient would be taken; the two points differ for methods that average only. ``trace`` has the
    columns step, loss, grad_norm and step_norm (null at step 0), or is None. ``seconds`` is the run's wall time.
    """

    status: Status
    steps: int
    theta: Array
    iterate: Array
    loss: float
    grad_norm: float
    trace: pl.DataFrame | None
    seconds: float


def minimize(
    objective: Any,
    optimizer: Any,
    *,
    n_steps: int,
    tol: float = 0.0,
    theta0: ArrayLike | None = None,
    backend: str = "numba",
    trace: str = "log",
    trace_points: int = 50,
) -> Result:
    """Run ``optimizer`` on ``objective`` for at most ``n_steps`` steps.

    ``objective`` is a leaf of `adamlab.objectives` or a pair of functions ``(value, gradient)`` of an array, which
    needs ``theta0``; a gradient in NumPy's terms is compiled into the numba backend's loop where Numba can, and
    called otherwise. The two must depend on theta alone and leave it as it is: a trace calls them too. The start is
    ``theta0`` (float64 or float32, copied) or the objective's own. The run stops after a step of L2 length below
    ``tol``; 0, or a number whose square is 0, never stops. ``trace`` keeps about ``trace_points`` steps spaced evenly
    in the logarithm (``log``), every step (``every``), or nothing (``none``).

    Raises `ConfigurationError` for a value out of range, before any step.
    """
    n_steps = int(N_STEPS.check("minimize", "n_steps", n_steps))
    tol = TOLERANCE.check("minimize", "tol", tol)
    BACKEND.check("minimize", "backend", backend)
    TRACE.check("minimize", "trace", trace)
    trace_points = TRACE_POINTS.check("minimize", "trace_points", trace_points)
    check_optimizer("minimize", optimizer)
    begun = time.perf_counter()
    objective, start = _prepared(objective, theta0)
    kept = kept_steps(trace, n_steps, trace_points)
    tracer = _Tracer(objective)
    run = stepper(backend, optimizer, objective, start)
    if kept:
        tracer.keep(run)
    for until in kept or [n_steps]:
        run.advance(until, tol * tol)
        if kept:
            tracer.keep(run)
        if run.t < until or not tol * tol <= run.step_sq < math.inf:
            break
    loss, grad_norm = tracer.measure(run.reported)
    seconds = time.perf_counter() - begun
    status = _status(run, tol, loss)
    return Result(status, run.t, run.reported, run.theta, loss, grad_norm, tracer.frame() if kept else None, seconds)


def start(optimizer: Any, theta0: ArrayLike, *, backend: str = "numba") -> "Run":
    """Begin a run whose gradients come from elsewhere; see `Run`. ``theta0`` is copied."""
    BACKEND.check("start", "backend", backend)
    check_optimizer("start", optimizer)
    return Run(stepper(backend, optimizer, None, _floating("start", theta0)))


class Run:
    """A run that is fed one gradient at a time."""

    def __init__(self, stepping: Stepper) -> None:
        self._stepper = stepping
        self._shape, self._dtype = stepping.theta.shape, stepping.theta.dtype

    def step(self, gradient: ArrayLike) -> Array:
        """Take one step and return the new iterate (a fresh array).

        ``gradient`` has theta0's shape and dtype and is neither changed nor kept. Raises `ConfigurationError`
        if it does not.
        """
        gradient = np.asarray(gradient)
        if gradient.shape != self._shape or gradient.dtype != self._dtype:
            expected, given = f"{self._dtype} {self._shape}", f"{gradient.dtype} {gradient.shape}"
            raise ConfigurationError(f"step: the gradient must be {expected}, as theta0 is; it is {given}")
        self._stepper.step(gradient)
        return self._stepper.theta

    @property
    def theta(self) -> Array:
        """A copy of the iterate, where the next gradient belongs."""
        return self._stepper.theta

    @property
    def reported(self) -> Array:
        """A copy of the point the method gives as its answer: the iterate, but for methods that average."""
        return self._stepper.reported

    @property
    def steps(self) -> int:
        """Steps taken."""
        return self._stepper.t


def first_iterate(objective: Any) -> Array:
    """An objective's start: ``x0``, repeated to fill ``dim``, in its dtype."""
    check_start(objective)
    with np.errstate(over="ignore"):
        pattern = np.array(objective.x0, objective.dtype)
    return np.tile(pattern, -(-objective.dim // pattern.size))[: objective.dim]


def check_start(objective: Any) -> None:
    """Refuse a start with more numbers than the objective has coordinates."""
    given, dim = len(objective.x0), objective.dim
    if given > dim:
        raise ConfigurationError(
            f"{type(objective).__name__}: x0 must hold at most dim = {dim} numbers; it has {given}"
        )


def check_optimizer(caller: str, optimizer: Any) -> None:
    """Refuse what is no optimizer, such as a name or a class."""
    if isinstance(optimizer, type) or not (hasattr(optimizer, "update") and hasattr(optimizer, "coefficients")):
        raise ConfigurationError(f"{caller}: optimizer must be one of adamlab.optimizers, made; it is {optimizer!r}")


def kept_steps(trace: str, n_steps: int, points: int) -> Sequence[int]:
    """The steps a trace keeps after step 0: none, all, or about ``points`` of them spaced evenly in the logarithm."""
    if trace == "none":
        return []
    if trace == "every":
        return range(1, n_steps + 1)
    return [int(step) for step in np.unique(np.rint(np.geomspace(1, n_steps, points)))]


@dataclass(frozen=True)
class _FunctionPair:
    """An objective given as two functions, in the form the backends know."""

    value: Callable[[Array], float]
    gradient: Callable[[Array], Array]
    dtype: str
    separable = False


def _prepared(objective: Any, theta0: ArrayLike | None) -> tuple[Any, Array]:
    if isinstance(objective, tuple | list):
        return _prepared_pair(objective, theta0)
    if isinstance(objective, type) or not (hasattr(objective, "value") and hasattr(objective, "gradient")):
        allowed = "a leaf of adamlab.objectives, made, or a pair of functions"
        raise ConfigurationError(f"minimize: objective must be {allowed}; it is {objective!r}")
    if theta0 is None:
        return objective, first_iterate(objective)
    begin = np.array(theta0, objective.dtype)
    if begin.shape != (objective.dim,):
        expected = f"one number for each of the {objective.dim} coordinates"
        raise ConfigurationError(f"minimize: theta0 must have {expected}; its shape is {begin.shape}")
    return objective, begin


def _prepared_pair(pair: Sequence[Any], theta0: ArrayLike | None) -> tuple["_FunctionPair", Array]:
    """Two functions as an objective; each is called once at the start, to see that it gives what it should."""
    if len(pair) != 2 or not all(map(callable, pair)):
        raise ConfigurationError(f"minimize: objective must be a pair of functions (value, gradient); it is {pair!r}")
    if theta0 is None:
        raise ConfigurationError("minimize: theta0 must be given with a pair of functions; it is None")
    begin = _floating("minimize", theta0)
    value, gradient = pair
    x = begin.copy()
    loss, slope = np.asarray(value(x)), np.asarray(gradient(x))
    if loss.size != 1 or loss.dtype.kind not in "fiu":
        raise ConfigurationError(f"minimize: value(theta) must be a number; it is {_described(loss)}")
    if slope.shape != begin.shape or slope.dtype.kind not in "fiu":
        expected = f"an array of theta's shape {begin.shape}"
        raise ConfigurationError(f"minimize: gradient(theta) must be {expected}; it is {_described(slope)}")
    if x.tobytes() != begin.tobytes():
        raise ConfigurationError("minimize: value and gradient must leave theta alone; one of them changes it")
    return _FunctionPair(value, gradient, begin.dtype.name), begin


def _described(given: NDArray[Any]) -> str:
    return f"an array of {given.dtype}, shape {given.shape}" if given.dtype != object else f"{given.item()!r}"


def _floating(caller: str, theta0: ArrayLike) -> NDArray[np.floating[Any]]:
    begin = np.array(theta0)
    if begin.dtype.kind in "iu":
        begin = begin.astype(np.float64)
    if begin.dtype not in (np.float64, np.float32):
        raise ConfigurationError(f"{caller}: theta0 must be float64 or float32; it is {begin.dtype}")
    return begin


def _status(run: Stepper, tol: float, loss: float) -> Status:
    if not (math.isfinite(run.step_sq) and math.isfinite(loss)):
        return "diverged"
    return "converged" if run.step_sq < tol * tol else "max_steps"


class _Tracer:
    """Measures a run from outside, in the same way on every backend: with NumPy, summed in the lab's order."""

    def __init__(self, objective: Any) -> None:
        self._objective = objective
        self._data = () if isinstance(objective, _FunctionPair) else objective_data(objective)
        self._rows: list[tuple[int, float, float, float | None]] = []

    def measure(self, theta: Array) -> tuple[float, float]:
        """The loss and the gradient's L2 norm at ``theta``."""
        with np.errstate(all="ignore"):
            value = self._objective.value(theta, *self._data)
            gradient = self._objective.gradient(theta, *self._data)
            loss = total(value) if self._objective.separable else float(np.asarray(value).item())
            return loss, math.sqrt(squared_length(gradient))

    def keep(self, run: Stepper) -> None:
        """Add the run's present step to the trace, once."""
        if self._rows and self._rows[-1][0] == run.t:
            return
        step_norm = None if run.t == 0 else math.sqrt(run.step_sq)
        self._rows.append((run.t, *self.measure(run.reported), step_norm))

    def frame(self) -> pl.DataFrame:
        schema = {"step": pl.Int64, "loss": pl.Float64, "grad_norm": pl.Float64, "step_norm": pl.Float64}
        return pl.DataFrame(self._rows, schema=cast(Any, schema), orient="row")
