"""The columns of records: name, type, unit and meaning of each.

`RUNS`, `TRACE`, `TIMINGS` and `CONFORMANCE` list the columns of results of one kind of records, in order. Before these
columns, records of runs and timings hold ``run_id``, ``algorithms`` and a configuration, with one column per swept key
under the key's own name (`CONFIGURATION`). Timings also hold ``runs`` and ``threads`` (how many runs were timed at once
and how many threads shared the work) and the keys ``timing.<name>`` of the timing protocol. A trace holds ``run_id``,
and records of conformance hold ``algorithms`` and the optimizer's keys. `TABLES` maps the name of each kind to its
columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

Kind = Literal["runs", "trace", "timings", "conformance", "benchmarks"]
Value = str | int | float | tuple[float, ...]


@dataclass(frozen=True)
class Column:
    """One column of a record.

    Attributes
    ----------
    name : str
        The column's name.
    dtype : polars data type
        The type of its values.
    meaning : str
        What a value means, in one sentence.
    unit : str
        The unit of its values; empty if they have none.
    nullable : bool
        Whether a value may be null.
    """

    name: str
    dtype: Any
    meaning: str
    unit: str = ""
    nullable: bool = False


CONFIGURATION = (
    Column("run_id", pl.String, "Hash of the configuration and of the code that runs it: 20 hexadecimal digits."),
    Column("algorithms", pl.String, "Hash of the code that computes the run; of a peer, its version and a hash."),
    Column("optimizer", pl.String, "Name of the optimizer: its file in conf/optimizer."),
    Column(
        "optimizer.<name>", pl.Float64, "Hyperparameter of the optimizer; Int64 if it is a whole number.", nullable=True
    ),
    Column("objective", pl.String, "Name of the objective: its file in conf/objective."),
    Column(
        "objective.<name>",
        pl.Float64,
        "Parameter of the objective; Int64 if it is a whole number, String if a name.",
        nullable=True,
    ),
    Column(
        "objective.x0",
        pl.List(pl.Float64),
        "Start, repeated to fill dim, and multiplied by the objective's own start if it has one.",
    ),
    Column("noise", pl.String, "Name of the gradient noise; none if there is none."),
    Column("noise.<name>", pl.Float64, "Parameter of the noise.", nullable=True),
    Column("schedule", pl.String, "Name of the learning-rate schedule."),
    Column("schedule.<name>", pl.Float64, "Parameter of the schedule.", nullable=True),
    Column("dim", pl.Int64, "Number of coordinates."),
    Column("dtype", pl.String, "Floating-point type of theta: float64 or float32."),
    Column("n_steps", pl.Int64, "Largest number of steps.", "steps"),
    Column("tol", pl.Float64, "A run stops after a step whose L2 length is below this."),
    Column("grad_tol", pl.Float64, "A run stops where the L2 norm of the exact gradient is below this."),
    Column("loss_target", pl.Float64, "A run stops where the loss is at most this."),
    Column("seed", pl.Int64, "Seed of the run's random numbers."),
    Column("backend", pl.String, "How steps are executed: python, numpy or numba; null for peers.", nullable=True),
    Column("trace", pl.String, "Which steps the trace keeps: log, every or none; null for peers.", nullable=True),
    Column("trace.points", pl.Int64, "About how many steps the trace keeps if it is log.", "steps", True),
)

RUNS = (
    Column("status", pl.String, "How the run ended: converged, max_steps, diverged or failed."),
    Column("stopped_by", pl.String, "Rule that ended the run: tol, grad_tol or loss_target.", nullable=True),
    Column("steps", pl.Int64, "Number of steps taken.", "steps", nullable=True),
    Column("loss", pl.Float64, "Objective at the reported point, without noise.", nullable=True),
    Column("grad_norm", pl.Float64, "L2 norm of the exact gradient at the reported point.", nullable=True),
    Column("error", pl.String, "Message of a run that failed.", nullable=True),
    Column(
        "seconds",
        pl.Float64,
        "Wall time of the run, without compilation and loading data; of runs computed together, an equal share.",
        "s",
        nullable=True,
    ),
)

TRACE = (
    Column("step", pl.Int64, "Number of the step; 0 is the start.", "steps"),
    Column("loss", pl.Float64, "Objective at the reported point, without noise."),
    Column("grad_norm", pl.Float64, "L2 norm of the exact gradient at the reported point."),
    Column("step_norm", pl.Float64, "L2 length of the step that led here; null at step 0.", nullable=True),
    Column("distance", pl.Float64, "L2 distance to the nearest known minimiser; null if none is known.", nullable=True),
)

TIMINGS = (
    Column("implementation", pl.String, "What is timed: adamlab or a peer's implementation, such as torch-fused."),
    Column("steps", pl.Int64, "Number of timed steps, over all runs timed at once; 0 if left out.", "steps"),
    Column(
        "ns_per_step",
        pl.Float64,
        "Median time of a step, with a share of the set-up if timing.set_up is included.",
        "ns",
        nullable=True,
    ),
    Column("ns_per_step_lo", pl.Float64, "Lower end of its 95% bootstrap interval.", "ns", nullable=True),
    Column("ns_per_step_hi", pl.Float64, "Upper end of its 95% bootstrap interval.", "ns", nullable=True),
    Column("samples", pl.Int64, "Number of samples.", "samples"),
    Column("floor_ns_per_step", pl.Float64, "Least time the machine allows: the largest of the bounds below.", "ns"),
    Column("floor_arithmetic", pl.Float64, "Bound by divisions and square roots.", "ns"),
    Column(
        "floor_addition", pl.Float64, "Bound by additions and subtractions, those of the step's length included.", "ns"
    ),
    Column("floor_movement", pl.Float64, "Bound by loads and stores.", "ns"),
    Column("floor_latency", pl.Float64, "Bound by the chain of operations from one step to the next.", "ns"),
    Column("acts_on", pl.String, "What the optimizer's rule works on: coordinate, vector or matrix."),
    Column("left_out", pl.String, "Why the implementation was not timed.", nullable=True),
    Column("machine", pl.String, "Processor, usable cores and system."),
    Column("measurement", pl.String, "Identity of the measurement: rows of one were timed in the same rounds."),
)

CONFORMANCE = (
    Column("peer", pl.String, "Library that is compared with."),
    Column("namesake", pl.String, "How its users write the method."),
    Column("peer_version", pl.String, "Version of the library."),
    Column("recorded", pl.Float64, "Largest relative difference of the trajectories on recorded gradients."),
    Column("closed_loop", pl.Float64, "Largest relative difference of the trajectories on two problems."),
    Column("equal", pl.Boolean, "Whether the trajectories on recorded gradients agree to rounding."),
    Column("reason", pl.String, "Known reason why they differ; empty if none is known."),
)

TABLES: Mapping[str, Sequence[Column]] = {
    "runs": RUNS,
    "trace": TRACE,
    "timings": TIMINGS,
    "conformance": CONFORMANCE,
}


def types(columns: Iterable[Column]) -> dict[str, Any]:
    """Return the schema of a frame with these columns.

    Parameters
    ----------
    columns : iterable of Column
        Columns in order.

    Returns
    -------
    dict of str to polars data type
    """
    return {column.name: column.dtype for column in columns}


def frame(rows: Iterable[Mapping[str, Any]], results: Sequence[Column]) -> pl.DataFrame:
    """Return rows of configurations and results as a frame.

    Parameters
    ----------
    rows : iterable of mapping of str to value
        One mapping per row; a key that a row lacks is null in it.
    results : sequence of Column
        The columns of results, such as `RUNS` or `TIMINGS`; empty for configurations alone.

    Returns
    -------
    polars.DataFrame
        The columns of the configurations in the order of their first appearance, then ``results``. A column of a
        configuration has the type of its values: String, Int64, Float64, or List(Float64) for a tuple.
    """
    rows = list(rows)
    known = types(results)
    schema: dict[str, Any] = {}
    for row in rows:
        schema.update({name: _dtype(value) for name, value in row.items() if name not in known})
    schema.update(known)
    columns = {name: [row.get(name) for row in rows] for name in schema}
    return pl.DataFrame(columns, schema=schema)


def _dtype(value: Value) -> Any:
    if isinstance(value, tuple):
        return pl.List(pl.Float64)
    return {str: pl.String, int: pl.Int64, float: pl.Float64}[type(value)]
