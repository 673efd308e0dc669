"""Many runs at once: those of the same optimizer on the same problem go through one compiled loop, on all cores."""

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

# Runs of one coordinate and of more that stand side by side: enough to fill vectors and hide their latency. A step in
# one dimension is a single pass over them, of which beginning and end count; with more dimensions a pass for each
# meets a dozen arrays in the same sets of the first-level cache.
SIDE_BY_SIDE = 384, 64
# The largest dimension that runs side by side; beyond, a run alone fills the machine's vectors.
MOST_COORDINATES = 128
# Numbers that a task may hold, so that memory stays bounded however many runs there are.
TASK_NUMBERS = 1 << 20
TASK_RUNS = 1 << 14
# Updates of coordinates that a task has at least if there are more tasks than threads: its own start is then no matter.
TASK_UPDATES = 10_000_000


@dataclass(frozen=True)
class BatchResult:
    """What the runs of a task came to.

    ``runs`` has the columns status, stopped_by, steps, loss, grad_norm, error and seconds, a row a run; ``points`` are
    the reported points, an array a run (nan where it failed); ``trace`` has those of `Result` and ``run``, the run's
    place in the task, or is None. A run's ``seconds`` are its share of the task's.
    """

    runs: pl.DataFrame
    points: Iterable[Array]
    trace: pl.DataFrame | None


# The columns of what runs come to, by name.
OUTCOME_COLUMNS: dict[str, Any] = types(RUNS)


def minimize_many(
    configurations: pl.DataFrame | Iterable[Mapping[str, Any]], *, theta: bool = False, threads: int | None = None
) -> pl.DataFrame:
    """Run many configurations, those of the same optimizer on the same problem in one compiled loop, on all cores.

    ``configurations`` is a frame with a row a run and columns under the swept keys (``optimizer``, ``optimizer.lr``,
    ``objective``, ``objective.x0``, ``dim``, ``n_steps``, ...), every number of a leaf among them; or a list of
    mappings with the keyword arguments of `minimize`, their leaves made. What may be left out is as in `minimize`, but
    for the trace, which is ``none``. Returns a frame with a row for each, in order: status, stopped_by, steps, loss,
    grad_norm, error (the message of a run that raised, which costs the others nothing) and seconds (its share); with
    ``theta`` the reported points as lists, and, if any run kept one, ``trace``, a list of rows. The results are, bit
    for bit, those of `minimize`. ``threads`` is the number of cores unless given.

    Raises `ConfigurationError` for a value out of range, before any run.
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
    """Run a batch, task by task; yields the place of each task's first run, in order, and what its runs came to."""
    threads = threads or len(os.sched_getaffinity(0))
    size = _task_size(batch, threads)
    starts = range(0, batch.runs, size)
    # A run alone has a kernel of its own, which is compiled for every single run already.
    work = partial(_task, kernel=_kernel(batch)) if compiles(batch) and batch.runs > 1 else _one_by_one
    tasks = ((first, batch.part(first, first + size)) for first in starts)
    if threads == 1 or len(starts) == 1:
        for first, task in tasks:
            yield first, work(task)
        return
    # A few tasks wait ahead of the one that is asked for.
    with ThreadPoolExecutor(threads) as pool:
        waiting = [(first, pool.submit(work, task)) for first, task in itertools.islice(tasks, 2 * threads)]
        while waiting:
            first, outcome = waiting.pop(0)
            yield first, outcome.result()
            waiting.extend((first, pool.submit(work, task)) for first, task in itertools.islice(tasks, 1))


def _task_size(batch: Batch, threads: int) -> int:
    """How many runs make a task: as many as memory allows, but several tasks for every thread if they are long."""
    if not compiles(batch):
        return 256
    dim = int(batch.objective.dim)
    per_run = dim * (2 + len(state_names(batch.optimizer)))
    per_run += 4 * len(kept_steps(batch.trace, batch.n_steps, batch.trace_points))
    share = max(-(-batch.runs // (4 * threads)), TASK_UPDATES // (dim * batch.n_steps))
    size = max(1, min(TASK_RUNS, TASK_NUMBERS // per_run, share))
    width = side_by_side(batch)
    # Fewer runs than stand side by side are shared out all the same.
    unit = width if size >= width else SIDE_BY_SIDE[1]
    return -(-size // unit) * unit if width else size


def compiles(batch: Batch) -> bool:
    """Whether there is a kernel for many such runs: for rules of one coordinate on a leaf of the lab's."""
    elementwise = acts_on(batch.optimizer) == "coordinate"
    return batch.backend == "numba" and elementwise and not hasattr(batch.objective, "functions")


def side_by_side(batch: Batch) -> int:
    """How many such runs go through their kernel at once, in the lanes of vectors; 0: one goes after another."""
    dim = batch.objective.dim
    return SIDE_BY_SIDE[dim > 1] if batch.objective.separable and dim <= MOST_COORDINATES else 0


def _kernel(batch: Batch) -> Any:
    """The compiled loop for the tasks of a batch: one, so that threads compile it once."""
    from adamlab.compiler.many_run_kernels import lanes_kernel, one_by_one_kernel
    from adamlab.compiler.objective_code import code_of

    watches = bool((batch.limits[1] > 0).any() or (batch.limits[2] > -math.inf).any())
    make: Any = lanes_kernel if side_by_side(batch) else one_by_one_kernel
    code = code_of(Problem(batch.objective, batch.noise))
    return make(batch.optimizer, type(batch.schedule), code, watches)


def _task(batch: Batch, kernel: Any) -> BatchResult:
    begun = time.perf_counter() - seconds_compiling()
    problem, in_lanes = Problem(batch.objective, batch.noise), bool(side_by_side(batch))
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
    """Theta and the state at the start of every run: arrays of dim x runs, flat."""
    theta = np.repeat(first_iterate(batch.objective)[:, None], batch.runs, axis=1)
    if not hasattr(batch.optimizer, "first_state"):
        return tuple(a.ravel() for a in (theta, *(np.zeros_like(theta) for _ in state_names(batch.optimizer))))
    states = batch.optimizer.first_state(_named(batch, batch.numbers), theta)
    return tuple(np.array(a, theta.dtype).ravel() for a in (theta, *states))


def _named(batch: Batch, numbers: Any) -> Any:
    """An optimizer's numbers under their names, as its methods read them: of one run, or an array each for all."""
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
    """The name in each number's place."""
    return pl.Series(names, dtype=pl.String).gather(pl.Series(numbers))


def _trace_frame(kept: NDArray[np.int64], ends: Any, trace: Any) -> pl.DataFrame:
    """A row for each kept step before a run's last, and one for the last."""
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
    """Runs for which there is no common loop; one that raises is a row of its own."""
    rows: list[dict[str, Any]] = []
    traces: list[pl.DataFrame] = []
    points: list[Array] = []
    for run in range(batch.runs):
        try:
            result = _alone(batch, run)
        except Exception as error:
            rows.append({"status": "failed", "error": traceback.format_exception_only(error)[-1].strip()})
            # Takes no memory, which may be what the run failed for want of.
            points.append(np.broadcast_to(np.float64(math.nan), batch.objective.dim))
            continue
        rows.append({name: getattr(result, name, None) for name in OUTCOME_COLUMNS})
        points.append(result.theta)
        if result.trace is not None:
            traces.append(result.trace.select(pl.lit(run).cast(pl.Int64).alias("run"), pl.all()))
    frame = pl.DataFrame(rows, schema=OUTCOME_COLUMNS, orient="row")
    return BatchResult(frame, points, pl.concat(traces) if traces else None)


def _alone(batch: Batch, run: int) -> Result:
    """One run of a batch by itself."""
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
