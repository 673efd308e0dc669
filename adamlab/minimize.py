"""One run: an optimizer from a start until it converges, diverges or has taken its steps."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from adamlab.backends import Stepper, stepper
from adamlab.functions import checked_pair
from adamlab.problem import Array, Problem
from adamlab.stopping import GOES_ON, NOT_FINITE, STOPPED_BY, Stopping, at_point
from adamlab.symbols import BACKEND, N_STEPS, SEED, Choice, ConfigurationError, Number

Status = Literal["converged", "max_steps", "diverged"]
TRACE = Choice("", ("log", "every", "none"))
TRACE_POINTS = Number("points", "[2, inf)", whole=True)
TRACE_COLUMNS = {
    "step": pl.Int64,
    "loss": pl.Float64,
    "grad_norm": pl.Float64,
    "step_norm": pl.Float64,
    "distance": pl.Float64,
}


@dataclass(frozen=True)
class Result:
    """What a run came to.

    ``status``: ``converged`` (a stopping rule held), ``max_steps`` (all steps taken) or ``diverged`` (a step, or the
    loss at the end, was not finite); ``stopped_by`` names the rule (``tol``, ``grad_tol``, ``loss_target``) or is None.
    ``steps`` counts steps taken. ``theta`` is the point the method gives as its answer, ``loss`` and ``grad_norm`` are
    the objective and the L2 norm of its gradient there (exact, without noise), and ``iterate`` is where the next
    gradient would be taken; the two points differ for methods that average only. ``trace`` has the columns step, loss,
    grad_norm, step_norm (null at step 0) and distance (to the nearest known minimiser, else null), or is None.
    ``seconds`` is the run's wall time.
    """

    status: Status
    stopped_by: str | None
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
    grad_tol: float = 0.0,
    loss_target: float = -math.inf,
    noise: Any = None,
    schedule: Any = None,
    seed: int = 0,
    theta0: ArrayLike | None = None,
    backend: str = "numba",
    trace: str = "log",
    trace_points: int = 50,
    threads: int = 1,
) -> Result:
    """Run ``optimizer`` on ``objective`` for at most ``n_steps`` steps.

    ``objective`` is a leaf of `adamlab.objectives` or a pair of functions ``(value, gradient)`` of an array, which
    needs ``theta0``; a gradient in NumPy's terms is compiled into the numba backend's loop where Numba can, and
    called otherwise; None instead of it is the exact derivative of ``value`` by JAX. The two must depend on theta alone
    and leave it as it is: a trace calls them too. The start is ``theta0`` (float64 or float32, copied) or the
    objective's own. ``noise`` (a leaf of `adamlab.noises`) is added to the gradients that steps are taken with, and
    ``schedule`` (of `adamlab.schedules`) multiplies the learning rate; what is random depends on ``seed`` and the
    objective's name alone.

    The run stops after a step of L2 length below ``tol``, or where the exact gradient is shorter than ``grad_tol`` or
    the loss at most ``loss_target`` at the reported point; see `adamlab.stopping`. ``trace`` keeps about
    ``trace_points`` steps spaced evenly in the logarithm (``log``), every step (``every``), or nothing (``none``).
    ``threads`` share a step of the numba backend on a large separable objective, with the same bits as one.

    Raises `ConfigurationError` for a value out of range, before any step.
    """
    n_steps = int(N_STEPS.check("minimize", "n_steps", n_steps))
    stopping = Stopping(tol, grad_tol, loss_target)
    seed = SEED.check("minimize", "seed", seed)
    BACKEND.check("minimize", "backend", backend)
    TRACE.check("minimize", "trace", trace)
    trace_points = TRACE_POINTS.check("minimize", "trace_points", trace_points)
    check_optimizer("minimize", optimizer)
    check_schedule("minimize", optimizer, schedule)
    begun = time.perf_counter()
    objective, begin = prepared(objective, theta0)
    problem = Problem(objective, noise, seed)
    run = stepper(backend, optimizer, problem, begin, schedule, n_steps, threads)
    kept = kept_steps(trace, n_steps, trace_points)
    tracer = _Tracer()
    if stopping.watches:
        loss, gradient_sq, _ = run.measure()
        run.stopped = at_point(loss, gradient_sq, *stopping.limits[1:])
    if kept:
        tracer.keep(run)
    for until in kept or [n_steps]:
        if run.stopped != GOES_ON:
            break
        run.advance(until, stopping)
        if kept:
            tracer.keep(run)
    loss, gradient_sq, _ = run.measure()
    seconds = time.perf_counter() - begun
    return Result(
        status=status_of(run.stopped, loss),
        stopped_by=STOPPED_BY.get(run.stopped) if math.isfinite(loss) else None,
        steps=run.t,
        theta=run.reported,
        iterate=run.theta,
        loss=loss,
        grad_norm=math.sqrt(gradient_sq),
        trace=tracer.frame() if kept else None,
        seconds=seconds,
    )


def start(optimizer: Any, theta0: ArrayLike, *, backend: str = "numba") -> "Run":
    """Begin a run whose gradients come from elsewhere; see `Run`. ``theta0`` is copied."""
    BACKEND.check("start", "backend", backend)
    check_optimizer("start", optimizer)
    return Run(stepper(backend, optimizer, None, floating("start", theta0)))


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
    """An objective's start: ``x0`` repeated to fill ``dim``, times its own start if it has one, in its dtype."""
    check_start(objective)
    with np.errstate(over="ignore"):
        pattern = np.array(objective.x0, objective.dtype)
    begin = np.tile(pattern, -(-objective.dim // pattern.size))[: objective.dim]
    return (begin * objective.start()).astype(objective.dtype) if hasattr(objective, "start") else begin


def check_start(objective: Any) -> None:
    """Refuse a start with more numbers than the objective has coordinates, or outside its box."""
    who, given, dim = type(objective).__name__, len(objective.x0), objective.dim
    if given > dim:
        raise ConfigurationError(f"{who}: x0 must hold at most dim = {dim} numbers; it has {given}")
    lo, hi = getattr(objective, "box", (-math.inf, math.inf))
    for number in objective.x0:
        if not lo <= number <= hi:
            raise ConfigurationError(f"{who}: x0 must lie in [{lo:g}, {hi:g}]; it is {number:g}")


def check_objective(objective: Any) -> None:
    """Refuse a leaf whose start or functions are not as they should be."""
    if hasattr(objective, "functions"):
        prepared(objective, None)
    check_start(objective)


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


def check_schedule(caller: str, optimizer: Any, schedule: Any) -> None:
    """Refuse a schedule for a method without a learning rate."""
    if schedule is not None and type(schedule).__name__ != "Constant" and not hasattr(optimizer, "lr"):
        who = type(optimizer).__name__
        raise ConfigurationError(f"{caller}: schedule must be constant for {who}, which has no lr; it is {schedule!r}")


def prepared(objective: Any, theta0: ArrayLike | None = None) -> tuple[Any, Array]:
    """What is minimised (a leaf, or a `FunctionPair` where functions were given), and where that begins.

    Raises `ConfigurationError` for a start or functions that are not as they should be.
    """
    if isinstance(objective, tuple | list) or (callable(objective) and not isinstance(objective, type)):
        if theta0 is None:
            raise ConfigurationError("minimize: theta0 must be given with functions; it is None")
        begin = floating("minimize", theta0)
        return checked_pair("minimize", objective, begin), begin
    if hasattr(objective, "functions"):
        begin = first_iterate(objective)
        return checked_pair(type(objective).__name__, objective.functions(), begin, objective.name), begin
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


def floating(caller: str, theta0: ArrayLike) -> NDArray[np.floating[Any]]:
    """A copy of ``theta0`` as a floating array, whole numbers as float64; other types are refused."""
    begin = np.array(theta0)
    if begin.dtype.kind in "iu":
        begin = begin.astype(np.float64)
    if begin.dtype not in (np.float64, np.float32):
        raise ConfigurationError(f"{caller}: theta0 must be float64 or float32; it is {begin.dtype}")
    return begin


def status_of(stopped: int, loss: float) -> Status:
    """The status of a run that ended for this reason with this loss."""
    if stopped == NOT_FINITE or not math.isfinite(loss):
        return "diverged"
    return "converged" if stopped in STOPPED_BY else "max_steps"


class _Tracer:
    """Keeps what a run measures at some of its steps."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, float, float, float | None, float | None]] = []

    def keep(self, run: Stepper) -> None:
        """Add the run's present step, once."""
        if self._rows and self._rows[-1][0] == run.t:
            return
        loss, gradient_sq, distance_sq = run.measure()
        step_norm = None if run.t == 0 else math.sqrt(run.step_sq)
        distance = None if math.isnan(distance_sq) else math.sqrt(distance_sq)
        self._rows.append((run.t, loss, math.sqrt(gradient_sq), step_norm, distance))

    def frame(self) -> pl.DataFrame:
        return pl.DataFrame(self._rows, schema=cast(Any, TRACE_COLUMNS), orient="row")
