"""Families of runs, which differ in numbers only, and pieces of them, which are executed together."""

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
from adamlab.running.batches import LIMITS, Batch
from adamlab.running.many import OUTCOME_COLUMNS, compiles, run_batch, side_by_side
from adamlab.running.trace import kept_steps
from experiments.sweeping.configuration import Configuration

# Largest number of coordinate updates in one call; the fixed cost of a step counts as `STEP` of them.
PIECE_UPDATES, STEP = 1 << 29, 4
# Largest number of runs in one call.
PIECE_RUNS = 1 << 13
# Largest number of kept steps in one call, because they are all in memory at once.
PIECE_TRACE = 1 << 20


@dataclass(frozen=True)
class Family:
    """Runs that differ in some numbers only: one run for each combination of the values of these numbers.

    The runs are numbered in the order of the combinations; the last axis varies fastest.

    Attributes
    ----------
    configuration : Configuration
        What the runs have in common; its own values at the keys of ``axes`` are not used.
    axes : mapping of str to array
        The values of each swept key, as they are recorded.
    """

    configuration: Configuration
    axes: Mapping[str, NDArray[Any]]

    @property
    def identity(self) -> Any:
        """A hashable value that is equal for families with the same runs in the same place."""
        fixed = {key: value for key, value in self.configuration.keys.items() if key not in self.axes}
        values = tuple((key, tuple(values.tolist())) for key, values in self.axes.items())
        return self.place, tuple(sorted(fixed.items())), self.configuration.algorithms, values

    @property
    def place(self) -> tuple[Path, str]:
        """The root folder and the study in which the runs are recorded."""
        return self.configuration.results, self.configuration.study

    @property
    def size(self) -> int:
        """Number of runs."""
        return int(np.prod([values.size for values in self.axes.values()], dtype=np.int64))

    @property
    def run_ids(self) -> list[str]:
        """The identity of each run."""
        return self.all_runs.run_ids

    @property
    def all_runs(self) -> "Piece":
        """All runs of the family as one piece."""
        return Piece(self, np.arange(self.size))


@dataclass(frozen=True)
class Piece:
    """Some runs of a family.

    Attributes
    ----------
    family : Family
        The family.
    places : array of int64
        The numbers of the runs in the family.
    """

    family: Family
    places: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Number of runs."""
        return self.places.size

    @property
    def varied(self) -> dict[str, NDArray[Any]]:
        """The values of the family's axes for each run, by key."""
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
        """Return the runs at the positions ``first`` to ``end`` (exclusive) of this piece.

        Parameters
        ----------
        first : int
            Position of the first run.
        end : int or None
            Position after the last run; None for the end of the piece.

        Returns
        -------
        Piece
        """
        return Piece(self.family, self.places[first:end])

    def without(self, run_ids: pl.Series) -> "Piece":
        """Return the piece without the runs whose identities are given.

        Parameters
        ----------
        run_ids : polars.Series of str
            The identities to leave out.

        Returns
        -------
        Piece
        """
        own = pl.Series("run_id", self.run_ids)
        return Piece(self.family, self.places[~own.is_in(run_ids.implode()).to_numpy()])

    @cached_property
    def is_compiled(self) -> bool:
        """Whether the runs are executed in one compiled loop, which releases Python's global interpreter lock."""
        return compiles(self.part(0, 1).batch())

    @cached_property
    def updates_of_a_run(self) -> int:
        """About how many coordinate updates a run costs, with the fixed cost of a step counted as some of them."""
        own = self.family.configuration
        return int(own.n_steps * (own.objective.dim + STEP))

    @cached_property
    def most_together(self) -> int:
        """Largest number of runs to execute in one call."""
        own = self.family.configuration
        kept = len(kept_steps(own.trace, own.n_steps, own.trace_points))
        return max(1, min(PIECE_RUNS, PIECE_UPDATES // self.updates_of_a_run, PIECE_TRACE // max(1, kept)))

    @cached_property
    def first_together(self) -> int:
        """Number of runs to execute in the first call, before the time of a run is known."""
        if not self.is_compiled:
            return 1
        # At least two, because a single run uses another kernel, which would have to be compiled too.
        return min(self.most_together, side_by_side(self.part(0, 1).batch()) or 2)

    def perform(self) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """Execute the runs.

        If they cannot be executed together (because there is too little memory, for example), each is executed alone.
        A run that raises is recorded as ``failed``.

        Returns
        -------
        rows : polars.DataFrame
            The record of each run.
        trace : polars.DataFrame or None
            The kept steps of the runs, with their ``run_id``; None if no trace is kept.
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
        """Execute the runs as one batch."""
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
        """Return records that say that none of the runs could be executed.

        Parameters
        ----------
        message : str
            The reason, for the column ``error``.

        Returns
        -------
        polars.DataFrame
            One row for each run, with status ``failed``.
        """
        outcome = pl.DataFrame([{"status": "failed", "error": message}], schema=OUTCOME_COLUMNS)
        return self._records(outcome.select(pl.all().gather(np.zeros(self.size, np.int64))))

    def _records(self, outcome: pl.DataFrame) -> pl.DataFrame:
        """Add identity and configuration to the outcome of each run."""
        own, varied = self.family.configuration, self.varied
        keys: dict[str, Value] = {"algorithms": own.algorithms, **own.keys}
        same = frame([{key: value for key, value in keys.items() if key not in varied}], ())
        columns = [
            pl.Series(key, varied[key]) if key in varied else same[key].new_from_index(0, self.size) for key in keys
        ]
        return pl.DataFrame([pl.Series("run_id", self.run_ids), *columns]).hstack(outcome)

    def batch(self) -> Batch:
        """Return the runs as a batch of the library."""
        return batch_of(self.family.configuration, self.varied, self.size)


def batch_of(configuration: Configuration, varied: Mapping[str, NDArray[Any]], runs: int) -> Batch:
    """Return a batch of runs that have one configuration except for some numbers.

    Parameters
    ----------
    configuration : Configuration
        What the runs have in common.
    varied : mapping of str to array
        By swept key, the values of the runs (shape ``(runs,)``): hyperparameters of the optimizer, limits of the
        stopping rules, or the seed.
    runs : int
        Number of runs.

    Returns
    -------
    Batch
    """
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
