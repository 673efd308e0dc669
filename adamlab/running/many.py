"""Many runs at once: runs of the same optimizer on the same problem share one compiled loop, on all cores."""

import itertools
import math
import os
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from adamlab.compiler.alignment import aligned, lanes
from adamlab.compiler.compile_time import seconds_compiling
from adamlab.problems.problem import Array, Problem, objective_name
from adamlab.problems.random_streams import stream_key
from adamlab.records.schema import RUNS, types
from adamlab.rules.methods import acts_on, first_carry, state_names
from adamlab.rules.parameters import numbers_of, parameter_names
from adamlab.rules.reduction import BLOCK, LANES
from adamlab.rules.stopping import NOT_FINITE, STOPPED_BY
from adamlab.running.batches import Batch, batches_of_frame, batches_of_list
from adamlab.running.checks import first_iterate
from adamlab.running.minimize import Result, minimize
from adamlab.running.trace import kept_steps

# Number of runs that a kernel steps side by side, in one dimension and in more: enough to fill vector registers and to
# hide latencies. In one dimension a step is a single pass over the runs, so the cost of starting and ending the pass
# counts. In more dimensions a step has a pass for each coordinate, and with as many runs as in one dimension a dozen
# arrays would compete for the same sets of the first-level cache.
SIDE_BY_SIDE = 384, 64
# Largest dimension in which runs are stepped side by side; in higher ones a single run fills the vector registers.
MOST_COORDINATES = 128
# Largest count of numbers, and of runs, in one task. They bound the memory for any number of runs.
TASK_NUMBERS = 1 << 20
TASK_RUNS = 1 << 14
# If there are more tasks than threads, a task has at least this many coordinate updates, so that the cost of starting
# it is negligible.
TASK_UPDATES = 10_000_000


@dataclass(frozen=True)
class BatchResult:
    """Results of the runs of one task, in order.

    Attributes
    ----------
    runs : polars.DataFrame
        One row per run, with the columns ``status``, ``stopped_by``, ``steps``, ``loss``, ``grad_norm``, ``error`` and
        ``seconds``. The ``seconds`` of runs that share a compiled loop are equal shares of the time of the task.
    points : iterable of ndarray, shape (dim,)
        Reported point of each run; nan for a run that failed.
    trace : polars.DataFrame or None
        One row per kept step, with the columns of `Result.trace` and ``run``, the run's position in the task; None if
        no run kept a trace.
    """

    runs: pl.DataFrame
    points: Iterable[Array]
    trace: pl.DataFrame | None


# Columns of the results of runs, with their types.
OUTCOME_COLUMNS: dict[str, Any] = types(RUNS)


def minimize_many(
    configurations: pl.DataFrame | Iterable[Mapping[str, Any]], *, theta: bool = False, threads: int | None = None
) -> pl.DataFrame:
    """Run many configurations on all cores, and return one row of results for each.

    Runs of the same optimizer on the same problem share one compiled loop. Each run has the same result, bit for bit,
    as `minimize` gives for it alone.

    Parameters
    ----------
    configurations : iterable of mapping, or polars.DataFrame
        As an iterable: one mapping per run with keyword arguments of `minimize`: ``objective``, ``optimizer`` and
        ``n_steps``, and optionally ``tol``, ``grad_tol``, ``loss_target``, ``noise``, ``schedule``, ``seed``,
        ``backend``, ``trace`` and ``trace_points``. The objective must be one of the package, not a pair of functions.

        As a frame: one row per run and one column per swept key. Required are ``optimizer``, ``objective`` (names),
        ``dim``, ``n_steps``, and every parameter of what is named, such as ``optimizer.lr`` and ``objective.x0`` (a
        number, or a list of numbers that is repeated to fill ``dim``). A parameter that does not belong to a row's
        optimizer, objective, noise or schedule may be null. Optional are the same keys as in a mapping
        (``trace.points`` instead of ``trace_points``) and ``dtype``.

        Optional values are those of `minimize` when left out, except that ``trace`` is ``"none"``.
    theta : bool, default False
        Whether to return the reported points.
    threads : int, optional
        Number of threads. None is the number of cores that the process may use.

    Returns
    -------
    polars.DataFrame
        One row per configuration, in their order, with the columns

        * ``status`` : String, ``converged``, ``max_steps``, ``diverged`` or ``failed``;
        * ``stopped_by`` : String, the stopping rule that held (``tol``, ``grad_tol`` or ``loss_target``), or null;
        * ``steps`` : Int64, number of steps taken;
        * ``loss``, ``grad_norm`` : Float64, objective and L2 norm of the exact gradient at the reported point;
        * ``error`` : String, message of a run that failed, or null;
        * ``seconds`` : Float64, wall time of the run without compilation; runs that share a loop have equal shares;
        * ``theta`` : List(Float64), the reported point, if ``theta`` is True;
        * ``trace`` : List(Struct), the rows of the run's trace, if any run kept one; the fields are the columns of
          `Result.trace`.

    Raises
    ------
    ConfigurationError
        For a value, key or column that is refused, before any run.

    See Also
    --------
    adamlab.running.minimize.minimize : One run.

    Notes
    -----
    The compiled loop for many runs exists on the numba backend, for optimizers that act on single coordinates and
    objectives of the package. Other runs are done one by one. If one of these raises, its status is ``failed`` and the
    other runs go on.

    Examples
    --------
    Three learning rates in one call:

    >>> import adamlab
    >>> sphere = adamlab.objective("sphere", dim=2, x0=1.0)
    >>> runs = adamlab.minimize_many(
    ...     {"objective": sphere, "optimizer": adamlab.optimizer("adam", lr=lr), "n_steps": 2000, "tol": 1e-6}
    ...     for lr in (0.001, 0.01, 0.1)
    ... )
    >>> runs.select("status", "steps").rows()
    [('max_steps', 2000), ('converged', 345), ('converged', 195)]
    """
    of = batches_of_frame if isinstance(configurations, pl.DataFrame) else batches_of_list
    batches = list(cast(Any, of)(configurations))
    frames = []
    for batch in batches:
        for first, outcomes in run_batch(batch, threads):
            places = batch.places[first : first + len(outcomes.runs)]
            frames.append(_with_points_and_trace(outcomes, theta).with_columns(pl.Series("place", places)))
    if not frames:
        return pl.DataFrame(schema=OUTCOME_COLUMNS)
    return pl.concat(frames, how="diagonal_relaxed").sort("place").drop("place")


def _with_points_and_trace(outcomes: BatchResult, theta: bool) -> pl.DataFrame:
    frame = outcomes.runs
    if theta:
        frame = frame.with_columns(
            pl.Series("theta", [point.tolist() for point in outcomes.points], dtype=pl.List(pl.Float64))
        )
    if outcomes.trace is None:
        return frame
    rows = pl.struct(pl.exclude("run")).alias("trace")
    traces = outcomes.trace.group_by("run", maintain_order=True).agg(rows)
    return frame.with_row_index("run").join(traces.cast({"run": pl.UInt32}), on="run", how="left").drop("run")


def run_batch(batch: Batch, threads: int | None = None) -> Iterator[tuple[int, BatchResult]]:
    """Run a batch, divided into tasks, and yield the results of the tasks in order.

    Parameters
    ----------
    batch : Batch
        The runs.
    threads : int, optional
        Number of threads. None is the number of cores that the process may use.

    Yields
    ------
    first : int
        Position in the batch of the task's first run.
    result : BatchResult
        Results of the task's runs.
    """
    threads = threads or len(os.sched_getaffinity(0))
    size = _task_size(batch, threads)
    starts = range(0, batch.runs, size)
    # A batch of one run uses the kernel of single runs, which `minimize` compiles as well.
    work = partial(_task, kernel=_kernel(batch)) if compiles(batch) and batch.runs > 1 else _one_by_one
    tasks = ((first, batch.part(first, first + size)) for first in starts)
    if threads == 1 or len(starts) == 1:
        for first, task in tasks:
            yield first, work(task)
        return
    # Some tasks are submitted ahead of the one whose result is awaited, so that no thread is idle.
    with ThreadPoolExecutor(threads) as pool:
        waiting = [(first, pool.submit(work, task)) for first, task in itertools.islice(tasks, 2 * threads)]
        while waiting:
            first, outcome = waiting.pop(0)
            yield first, outcome.result()
            waiting.extend((first, pool.submit(work, task)) for first, task in itertools.islice(tasks, 1))


def _task_size(batch: Batch, threads: int) -> int:
    """Return the number of runs in a task: as many as memory allows, but several tasks per thread if they are long."""
    if not compiles(batch):
        return 256
    dim = int(batch.objective.dim)
    per_run = dim * (2 + len(state_names(batch.optimizer)))
    per_run += 4 * len(kept_steps(batch.trace, batch.n_steps, batch.trace_points))
    share = max(-(-batch.runs // (4 * threads)), TASK_UPDATES // (dim * batch.n_steps))
    size = max(1, min(TASK_RUNS, TASK_NUMBERS // per_run, share))
    width = side_by_side(batch)
    # A task smaller than a full group is rounded up to the smaller group, so that few runs still use several threads.
    unit = width if size >= width else SIDE_BY_SIDE[1]
    return -(-size // unit) * unit if width else size


def compiles(batch: Batch) -> bool:
    """Return whether a compiled loop for many runs exists for a batch.

    Parameters
    ----------
    batch : Batch
        The runs.

    Returns
    -------
    bool
        True on the numba backend for optimizers that act on single coordinates and objectives of the package.
    """
    elementwise = acts_on(batch.optimizer) == "coordinate"
    return batch.backend == "numba" and elementwise and not hasattr(batch.objective, "functions")


def side_by_side(batch: Batch) -> int:
    """Return the number of runs that the kernel of a batch steps side by side, in the lanes of vector registers.

    Parameters
    ----------
    batch : Batch
        The runs.

    Returns
    -------
    int
        0 if the runs are executed one after another.
    """
    dim = batch.objective.dim
    return SIDE_BY_SIDE[dim > 1] if batch.objective.separable and dim <= MOST_COORDINATES else 0


def _kernel(batch: Batch) -> Any:
    """Return the compiled loop for all tasks of a batch; it is made once, so that the threads compile it once."""
    from adamlab.compiler.many_run_kernels import lanes_kernel, one_by_one_kernel
    from adamlab.compiler.objective_code import code_of

    watches = bool((batch.limits[1] > 0).any() or (batch.limits[2] > -math.inf).any())
    make: Any = lanes_kernel if side_by_side(batch) else one_by_one_kernel
    code = code_of(Problem(batch.objective, batch.noise))
    return make(batch.optimizer, type(batch.schedule), code, watches)


def _task(batch: Batch, kernel: Any) -> BatchResult:
    problem, in_lanes = Problem(batch.objective, batch.noise), bool(side_by_side(batch))
    problem.load()
    begun = time.perf_counter() - seconds_compiling()
    kept = np.array(
        [0, *kept_steps(batch.trace, batch.n_steps, batch.trace_points)] if batch.trace != "none" else [], int
    )
    begin = _begin(batch)
    runs, dim = batch.runs, batch.objective.dim
    tol, grad_tol, loss_target = batch.limits
    ends = (np.empty(runs, np.int64), np.empty(runs, np.int64), *(np.empty(runs) for _ in range(4)))
    points = np.empty(dim * runs, begin[0].dtype)
    trace = tuple(np.full((kept.size, runs), math.nan) for _ in range(4))
    kernel(
        tuple(batch.numbers),
        numbers_of(batch.schedule),
        batch.n_steps,
        numbers_of(batch.objective),
        () if batch.noise is None else numbers_of(batch.noise),
        _keys(batch),
        (tol * tol, grad_tol * grad_tol, np.ascontiguousarray(loss_target)),
        first_carry(batch.optimizer),
        begin,
        problem.data,
        problem.minimisers,
        kept,
        _lanes_scratch(batch, begin) if in_lanes else _single_scratch(batch, problem, begin),
        ends,
        points,
        trace,
    )
    frame = _frame(ends, (time.perf_counter() - seconds_compiling() - begun) / runs)
    return BatchResult(frame, points.reshape(dim, runs).T, _trace_frame(kept, ends, trace) if kept.size else None)


def _keys(batch: Batch) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    seeds, places = np.unique(batch.seeds, return_inverse=True)
    name = objective_name(batch.objective)
    samples, noise = (np.array([stream_key(int(s), f"{name} {use}") for s in seeds]) for use in ("samples", "noise"))
    return samples[places], noise[places]


def _begin(batch: Batch) -> tuple[Array, ...]:
    """Return theta and the state at the start of every run, as flat arrays of dim x runs."""
    theta = np.repeat(first_iterate(batch.objective)[:, None], batch.runs, axis=1)
    if not hasattr(batch.optimizer, "first_state"):
        return tuple(a.ravel() for a in (theta, *(np.zeros_like(theta) for _ in state_names(batch.optimizer))))
    states = batch.optimizer.first_state(_named(batch, batch.numbers), theta)
    return tuple(np.array(a, theta.dtype).ravel() for a in (theta, *states))


def _named(batch: Batch, numbers: Any) -> Any:
    """Return hyperparameters under their names, as an optimizer's methods read them: of one run, or arrays for all."""
    return SimpleNamespace(**dict(zip(parameter_names(batch.optimizer), numbers, strict=True)))


def _lanes_scratch(batch: Batch, begin: tuple[Array, ...]) -> tuple[Any, ...]:
    width, dim, dtype = side_by_side(batch), batch.objective.dim, begin[0].dtype
    places = itertools.count()

    def lane(size: int = width, kind: Any = np.float64) -> Any:
        return aligned(size, kind, next(places))

    c, carry = batch.optimizer.coefficients(_named(batch, batch.numbers[:, 0]), 1)
    return (
        tuple(lane() for _ in batch.numbers),
        tuple(lane() for _ in carry),
        tuple(lane(kind=dtype) for _ in c),
        (lane(kind=np.uint64), lane(kind=np.uint64)),
        tuple(lane() for _ in range(3)),
        tuple(lane(dim * width, dtype) for _ in begin),
        lane(LANES * width).reshape(LANES, width),
        lane(kind=np.int64),
        *(lane() for _ in range(5)),
    )


def _single_scratch(batch: Batch, problem: Problem, begin: tuple[Array, ...]) -> tuple[Any, ...]:
    objective, dtype = batch.objective, begin[0].dtype
    own = tuple(aligned(objective.dim, dtype, place) for place in range(len(begin)))
    beside = problem.data if objective.separable else (aligned(objective.dim, dtype, len(begin)),)
    drawn = objective.n_draws() if problem.is_sampled and not objective.separable and objective.draws else 0
    sums = np.empty(max(1, -(-objective.dim // BLOCK)))
    return own, beside, np.empty(drawn), lanes(len(begin)), sums


def _frame(ends: Any, seconds: float) -> pl.DataFrame:
    steps, reasons, _, losses, squares, _ = ends
    finite = np.isfinite(losses) & (reasons != NOT_FINITE)
    converged = finite & np.isin(reasons, list(STOPPED_BY))
    with np.errstate(invalid="ignore"):
        norms = np.sqrt(squares)
    columns = {
        "status": _named_by(np.where(finite, np.where(converged, 1, 0), 2), ("max_steps", "converged", "diverged")),
        "stopped_by": _named_by(np.where(converged, reasons, 0), [STOPPED_BY.get(n) for n in range(NOT_FINITE)]),
        "steps": steps,
        "loss": losses,
        "grad_norm": norms,
        "error": pl.Series([None], dtype=pl.String).new_from_index(0, steps.size),
        "seconds": np.full(steps.size, seconds),
    }
    return pl.DataFrame(columns, schema=OUTCOME_COLUMNS)


def _named_by(numbers: NDArray[np.int64], names: Sequence[str | None]) -> pl.Series:
    """Return the series of names that ``numbers`` index."""
    return pl.Series(names, dtype=pl.String).gather(pl.Series(numbers))


def _trace_frame(kept: NDArray[np.int64], ends: Any, trace: Any) -> pl.DataFrame:
    """Return one row for each kept step before a run's last step, and one for the last step."""
    steps, _, step_sq, loss, gradient_sq, distance_sq = ends
    at = np.vstack([np.repeat(kept[:, None], steps.size, axis=1), steps])
    there = (at < steps) | (np.arange(len(at)) == len(at) - 1)[:, None]
    columns: dict[str, Any] = {
        "run": np.repeat(np.arange(steps.size)[:, None], len(at), axis=1)[there.T],
        "step": at.T[there.T],
    }
    last = {"loss": loss, "grad_norm": gradient_sq, "step_norm": step_sq, "distance": distance_sq}
    for (name, end), rows in zip(last.items(), trace, strict=True):
        values = np.vstack([rows, end]).T[there.T]
        with np.errstate(invalid="ignore"):
            columns[name] = values if name == "loss" else np.sqrt(values)
    return pl.DataFrame(columns).with_columns(pl.col("step_norm", "distance").fill_nan(None))


def _one_by_one(batch: Batch) -> BatchResult:
    """Execute the runs of a task one by one; a run that raises becomes a row with status ``failed``."""
    rows: list[dict[str, Any]] = []
    traces: list[pl.DataFrame] = []
    points: list[Array] = []
    for run in range(batch.runs):
        try:
            result = _alone(batch, run)
        except Exception as error:
            rows.append({"status": "failed", "error": traceback.format_exception_only(error)[-1].strip()})
            # A broadcast array takes no memory; the run may have failed because memory ran out.
            points.append(np.broadcast_to(np.float64(math.nan), batch.objective.dim))
            continue
        rows.append({name: getattr(result, name, None) for name in OUTCOME_COLUMNS})
        points.append(result.theta)
        if result.trace is not None:
            traces.append(result.trace.select(pl.lit(run).cast(pl.Int64).alias("run"), pl.all()))
    frame = pl.DataFrame(rows, schema=OUTCOME_COLUMNS, orient="row")
    return BatchResult(frame, points, pl.concat(traces) if traces else None)


def _alone(batch: Batch, run: int) -> Result:
    """Execute one run of a batch with `minimize`."""
    tol, grad_tol, loss_target = (float(limit) for limit in batch.limits[:, run])
    numbers = batch.numbers[:, run].tolist()
    return minimize(
        batch.objective,
        batch.optimizer(**dict(zip(parameter_names(batch.optimizer), numbers, strict=True))),
        n_steps=batch.n_steps,
        tol=tol,
        grad_tol=grad_tol,
        loss_target=loss_target,
        noise=batch.noise,
        schedule=batch.schedule,
        seed=int(batch.seeds[run]),
        backend=batch.backend,
        trace=batch.trace,
        trace_points=batch.trace_points,
    )
