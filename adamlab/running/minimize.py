"""One run: an optimizer from a start until it converges, diverges or has taken its steps."""

import math
import time
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from numpy.typing import ArrayLike

from adamlab.compiler.compile_time import seconds_compiling
from adamlab.problems.problem import Array, Problem
from adamlab.rules.stopping import GOES_ON, NOT_FINITE, STOPPED_BY, Stopping, at_point
from adamlab.rules.symbols import BACKEND, N_STEPS, SEED
from adamlab.running.backends import stepper
from adamlab.running.checks import check_optimizer, check_schedule, prepared
from adamlab.running.trace import TRACE_KIND, TRACE_POINTS, Trace, kept_steps

Status = Literal["converged", "max_steps", "diverged"]


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
    the loss at most ``loss_target`` at the reported point; see `adamlab.rules.stopping`. ``trace`` keeps about
    ``trace_points`` steps spaced evenly in the logarithm (``log``), every step (``every``), or nothing (``none``).
    ``threads`` share a step of the numba backend on a large separable objective, with the same bits as one.

    Raises `ConfigurationError` for a value out of range, before any step.
    """
    n_steps = int(N_STEPS.check("minimize", "n_steps", n_steps))
    stopping = Stopping(tol, grad_tol, loss_target)
    seed = SEED.check("minimize", "seed", seed)
    BACKEND.check("minimize", "backend", backend)
    TRACE_KIND.check("minimize", "trace", trace)
    trace_points = TRACE_POINTS.check("minimize", "trace_points", trace_points)
    check_optimizer("minimize", optimizer)
    check_schedule("minimize", optimizer, schedule)
    objective, begin = prepared(objective, theta0)
    problem = Problem(objective, noise, seed)
    run = stepper(backend, optimizer, problem, begin, schedule, n_steps, threads)
    begun = time.perf_counter() - seconds_compiling()
    kept = kept_steps(trace, n_steps, trace_points)
    tracer = Trace()
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
    seconds = time.perf_counter() - seconds_compiling() - begun
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


def status_of(stopped: int, loss: float) -> Status:
    """The status of a run that ended for this reason with this loss."""
    if stopped == NOT_FINITE or not math.isfinite(loss):
        return "diverged"
    return "converged" if stopped in STOPPED_BY else "max_steps"
