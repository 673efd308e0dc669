"""Runs of one method on one problem that differ in numbers only, and some of them to be done together."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from adamlab.records.identity import run_ids
from adamlab.records.schema import Value, frame
from adamlab.rules.parameters import parameter_names
from adamlab.rules.symbols import LOSS_TARGET, TOLERANCE, Symbol
from adamlab.running.batches import Batch
from adamlab.running.many import OUTCOME_COLUMNS, compiles, run_batch, side_by_side
from adamlab.running.trace import kept_steps
from experiments.sweeping.configuration import Configuration

# The limits in which runs of one compiled loop may differ, and their checks.
LIMITS: Mapping[str, Symbol] = {"tol": TOLERANCE, "grad_tol": TOLERANCE, "loss_target": LOSS_TARGET}
# Updates of coordinates in one piece; a step of a run costs as much as some coordinates besides.
PIECE_UPDATES, STEP = 1 << 29, 4
PIECE_RUNS = 1 << 13
# Kept steps of a piece, which are in memory at once.
PIECE_TRACE = 1 << 20


@dataclass(frozen=True)
class Family:
    """Runs that have a configuration in common, but for the numbers of ``axes``: every combination of these.

    An axis is a key and its values, as they are recorded; the last varies fastest.
    """

    configuration: Configuration
    axes: Mapping[str, NDArray[Any]]

    @property
    def identity(self) -> Any:
        """What families of the same runs have in common."""
        fixed = {key: value for key, value in self.configuration.keys.items() if key not in self.axes}
        values = tuple((key, tuple(values.tolist())) for key, values in self.axes.items())
        return self.place, tuple(sorted(fixed.items())), self.configuration.algorithms, values

    @property
    def place(self) -> tuple[Path, str]:
        """Where the runs are recorded: the root folder and the study."""
        return self.configuration.results, self.configuration.study

    @property
    def size(self) -> int:
        """How many runs."""
        return int(np.prod([values.size for values in self.axes.values()], dtype=np.int64))

    @property
    def run_ids(self) -> list[str]:
        """The identity of every run."""
        return self.all_runs.run_ids

    @property
    def all_runs(self) -> "Piece":
        """All its runs."""
        return Piece(self, np.arange(self.size))


@dataclass(frozen=True)
class Piece:
    """Some runs of a family, by their places in it."""

    family: Family
    places: NDArray[np.int64]

    @property
    def size(self) -> int:
        """How many runs."""
        return self.places.size

    @property
    def varied(self) -> dict[str, NDArray[Any]]:
        """The values of each run by the key of the axis."""
        shape = [values.size for values in self.family.axes.values()]
        indices = np.unravel_index(self.places, shape) if shape else ()
        return {key: values[i] for (key, values), i in zip(self.family.axes.items(), indices, strict=True)}

    @property
    def run_ids(self) -> list[str]:
        """The identity of each run."""
        own = self.family.configuration
        varied = {key: values.tolist() for key, values in self.varied.items()}
        return run_ids(own.keys, varied, own.algorithms) if varied else [own.run_id]

    def part(self, first: int, end: int | None = None) -> "Piece":
        """The runs from number ``first`` to number ``end`` of this piece."""
        return Piece(self.family, self.places[first:end])

    def without(self, run_ids: pl.Series) -> "Piece":
        """The runs that are not among ``run_ids``."""
        own = pl.Series("run_id", self.run_ids)
        return Piece(self.family, self.places[~own.is_in(run_ids.implode()).to_numpy()])

    @cached_property
    def is_compiled(self) -> bool:
        """Whether many such runs go through one compiled loop, which leaves Python's lock to others."""
        return compiles(self.part(0, 1).batch())

    @cached_property
    def updates_of_a_run(self) -> int:
        """About how many coordinates a run updates; the cost of a step counts as some of them."""
        own = self.family.configuration
        return int(own.n_steps * (own.objective.dim + STEP))

    @cached_property
    def most_together(self) -> int:
        """How many runs may be done together at most."""
        own = self.family.configuration
        kept = len(kept_steps(own.trace, own.n_steps, own.trace_points))
        return max(1, min(PIECE_RUNS, PIECE_UPDATES // self.updates_of_a_run, PIECE_TRACE // max(1, kept)))

    @cached_property
    def first_together(self) -> int:
        """How many runs to do together before it is known how long they take."""
        if not self.is_compiled:
            return 1
        # Not one, which would have another kernel compiled.
        return min(self.most_together, side_by_side(self.part(0, 1).batch()) or 2)

    def perform(self) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """Do the runs; returns their records, and those of their traces if they keep any.

        If they cannot be done together (for want of memory, say), each is done alone; one that raises is a record too.
        """
        try:
            return self._together()
        except Exception as error:
            if self.size == 1:
                return self.failed(traceback.format_exception_only(error)[-1].strip()), None
        alone = [self.part(i, i + 1).perform() for i in range(self.size)]
        traces = [trace for _, trace in alone if trace is not None]
        return pl.concat([rows for rows, _ in alone]), pl.concat(traces) if traces else None

    def _together(self) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        rows, traces = [], []
        for _, done in run_batch(self.batch(), threads=1):
            rows.append(done.runs)
            if done.trace is not None:
                first = sum(frame.height for frame in rows[:-1])
                traces.append(done.trace.with_columns(pl.col("run") + first))
        whole = self._records(pl.concat(rows).select(*OUTCOME_COLUMNS))
        if not traces:
            return whole, None
        trace = pl.concat(traces)
        return whole, trace.select(whole["run_id"].gather(trace["run"]), pl.exclude("run"))

    def failed(self, message: str) -> pl.DataFrame:
        """The records of the runs if none of them could be done, and why."""
        outcome = pl.DataFrame([{"status": "failed", "error": message}], schema=OUTCOME_COLUMNS)
        return self._records(outcome.select(pl.all().gather(np.zeros(self.size, np.int64))))

    def _records(self, outcome: pl.DataFrame) -> pl.DataFrame:
        own, varied = self.family.configuration, self.varied
        keys: dict[str, Value] = {"algorithms": own.algorithms, **own.keys}
        same = frame([{key: value for key, value in keys.items() if key not in varied}], ())
        columns = [
            pl.Series(key, varied[key]) if key in varied else same[key].new_from_index(0, self.size) for key in keys
        ]
        return pl.DataFrame([pl.Series("run_id", self.run_ids), *columns]).hstack(outcome)

    def batch(self) -> Batch:
        """The runs as the library takes them."""
        return batch_of(self.family.configuration, self.varied, self.size)


def batch_of(configuration: Configuration, varied: Mapping[str, NDArray[Any]], runs: int) -> Batch:
    """A batch of runs of one configuration, but for the numbers that ``varied`` has for each run, by key."""
    optimizer: Any = type(configuration.optimizer)

    def values(key: str, one: float) -> NDArray[Any]:
        return varied[key] if key in varied else np.full(runs, one)

    numbers = [
        values(f"optimizer.{name}", getattr(configuration.optimizer, name)) for name in parameter_names(optimizer)
    ]
    return Batch(
        optimizer=optimizer,
        objective=configuration.objective,
        noise=configuration.noise,
        schedule=configuration.schedule,
        n_steps=configuration.n_steps,
        numbers=np.array(numbers, np.float64).reshape(-1, runs),
        limits=np.array([values(name, getattr(configuration.stopping, name)) for name in LIMITS]),
        seeds=values("seed", configuration.seed).astype(np.int64),
        places=np.arange(runs),
        backend=configuration.backend,
        trace=configuration.trace,
        trace_points=configuration.trace_points,
    )
