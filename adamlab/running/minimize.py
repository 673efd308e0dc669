"""One run: `minimize` takes an optimizer from a start until it converges, diverges or has taken all its steps."""

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
    """Result of one run, as `minimize` returns it.

    Attributes
    ----------
    status : {"converged", "max_steps", "diverged"}
        How the run ended: a stopping rule held, all steps were taken, or a step or the final loss was not finite.
    stopped_by : {"tol", "grad_tol", "loss_target"} or None
        The stopping rule that held; None if none did.
    steps : int
        Number of steps taken.
    theta : ndarray
        The point that the optimizer reports as its answer, with the shape and dtype of the start.
    iterate : ndarray
        The point at which the next gradient would be taken. It differs from ``theta`` only for optimizers that report
        another point, such as an average of the iterates.
    loss : float
        Value of the objective at ``theta``, without noise.
    grad_norm : float
        L2 norm of the exact gradient at ``theta``, without noise.
    trace : polars.DataFrame or None
        One row per kept step; None if no trace was requested. Columns: ``step`` (0 is the start), ``loss``,
        ``grad_norm``, ``step_norm`` (L2 length of the step, null at step 0) and ``distance`` (L2 distance to the
        nearest minimiser, null if none is known).
    seconds : float
        Wall time of the steps and of the measurements in seconds, without compilation. It includes making the
        objective's data.
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
    """Minimize ``objective`` with ``optimizer`` in at most ``n_steps`` steps.

    Parameters
    ----------
    objective : objective, pair of callables, or callable
        An objective of the package (`adamlab.objective`, or an instance of a class in `adamlab.objectives`), or the
        user's own functions: ``(value, gradient)``, ``(value, None)`` or ``value`` alone. ``value(theta)`` returns a
        number and ``gradient(theta)`` an array of the shape of ``theta``. Without a gradient, JAX (or PyTorch, if the
        function uses it) takes the exact derivative of ``value``. Both functions must depend on ``theta`` alone and
        must not change it.
    optimizer : optimizer
        An optimizer of the package (`adamlab.optimizer`, or an instance of a class in `adamlab.optimizers`).
    n_steps : int
        Largest number of steps, at least 1.
    tol : float, default 0.0
        Stop after a step whose L2 length is below ``tol``. 0 never stops.
    grad_tol : float, default 0.0
        Stop where the L2 norm of the exact gradient at the reported point is below ``grad_tol``. 0 never stops.
    loss_target : float, default -inf
        Stop where the loss at the reported point is at most ``loss_target``. -inf never stops.
    noise : noise, optional
        Gradient noise (`adamlab.noise`, or an instance of a class in `adamlab.noises`), added to the gradients that
        steps are taken with. None is no noise.
    schedule : schedule, optional
        Learning-rate schedule (`adamlab.schedule`, or an instance of a class in `adamlab.schedules`), which multiplies
        the optimizer's ``lr``. None is a constant learning rate.
    seed : int, default 0
        Seed of the noise and of sampled gradients, in [0, 2^63). The random numbers depend on the seed, the
        objective's name, the step and the coordinate only, so every optimizer and backend meets the same ones.
    theta0 : array_like, optional
        The start; it is copied. For functions it is required: any shape, float64 or float32 (integers become float64).
        For an objective of the package: shape ``(dim,)``, converted to the objective's dtype; None is the objective's
        own start.
    backend : {"numba", "numpy", "python"}, default "numba"
        How steps are executed: in a compiled loop, on whole arrays, or on one number after another. The results are
        the same to the last bit if the gradient's are.
    trace : {"log", "every", "none"}, default "log"
        Which steps the trace keeps besides the start and the last step: about ``trace_points`` steps spaced evenly in
        the logarithm, every step, or no trace at all.
    trace_points : int, default 50
        About how many steps the trace keeps if ``trace`` is ``"log"``, at least 2.
    threads : int, default 1
        Threads that share one step of the numba backend when the objective is separable and large. The results have
        the same bits for any number of threads.

    Returns
    -------
    Result
        Status, number of steps, reported point, loss, gradient norm, trace and wall time.

    Raises
    ------
    ConfigurationError
        For a value that is out of range or of the wrong kind, before the first step. `ConfigurationError` is a
        `ValueError`. A run that diverges raises nothing: its ``status`` is ``"diverged"``.

    See Also
    --------
    adamlab.running.many.minimize_many : Many runs at once.
    adamlab.running.start.start : One step at a time, with gradients from elsewhere.

    Notes
    -----
    On the numba backend a user's gradient written with NumPy operations is compiled into the loop. If Numba cannot
    compile it, it is called at each step, and a warning says so once. ``value`` and ``gradient`` are also called at the
    start, to check them, and at the kept steps of the trace; an exception that one of them raises during the run
    reaches the caller. The stopping rules are defined in `adamlab.rules.stopping`.

    Examples
    --------
    Adam on the sphere function in 128 dimensions, until a step is shorter than 1e-6:

    >>> import adamlab
    >>> sphere = adamlab.objective("sphere", dim=128, x0=10.0)
    >>> r = adamlab.minimize(sphere, adamlab.optimizer("adam", lr=0.01), n_steps=100_000, tol=1e-6)
    >>> r.status, r.stopped_by, r.steps
    ('converged', 'tol', 3728)
    >>> r.trace.columns
    ['step', 'loss', 'grad_norm', 'step_norm', 'distance']

    Functions of one's own:

    >>> import numpy as np
    >>> quartic = (lambda x: np.sum(x**4), lambda x: 4.0 * x**3)
    >>> r = adamlab.minimize(quartic, adamlab.optimizer("adam", lr=0.01), n_steps=1000, theta0=np.ones(3))
    >>> r.status, r.theta.shape
    ('max_steps', (3,))
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
    problem.load()
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
    """Return the status of a run.

    Parameters
    ----------
    stopped : int
        Why the run stopped, as in `adamlab.rules.stopping`.
    loss : float
        Loss at the end of the run.

    Returns
    -------
    {"converged", "max_steps", "diverged"}
    """
    if stopped == NOT_FINITE or not math.isfinite(loss):
        return "diverged"
    return "converged" if stopped in STOPPED_BY else "max_steps"
