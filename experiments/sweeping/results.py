"""The results of pieces and of whole sweeps, and the place where their records go."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from adamlab.records.writing import RunWriter


@dataclass(frozen=True)
class PieceResult:
    """Result of some runs: counts by status, failure messages, and the records.

    Attributes
    ----------
    statuses : mapping of str to int
        Number of runs by status.
    failures : mapping of str to tuple of (int, mapping)
        By message, how many runs failed with it, and the record of one of them.
    rows : polars.DataFrame or None
        The records of the runs. If ``recorded``, they are only to be shown, and None unless that is wanted.
    trace : polars.DataFrame or None
        The kept steps of the runs, if any are kept and still to be written.
    recorded : bool
        Whether the records are on disk already, or are not to be written.
    """

    statuses: Mapping[str, int]
    failures: Mapping[str, tuple[int, Mapping[str, Any]]]
    rows: pl.DataFrame | None = None
    trace: pl.DataFrame | None = None
    recorded: bool = False

    @classmethod
    def of(cls, rows: pl.DataFrame, trace: pl.DataFrame | None) -> "PieceResult":
        """Return the result that some records state.

        Parameters
        ----------
        rows : polars.DataFrame
            The records of the runs, with the columns ``status`` and ``error`` at least.
        trace : polars.DataFrame or None
            The kept steps of the runs.

        Returns
        -------
        PieceResult
            With ``recorded=False``.
        """
        statuses = dict(rows["status"].value_counts().iter_rows())
        failed = rows.filter(pl.col("status") == "failed")
        failures = {
            group["error"][0]: (group.height, group.row(0, named=True)) for _, group in failed.group_by("error")
        }
        return cls(statuses, failures, rows, trace)

    @classmethod
    def together(cls, parts: Iterable["PieceResult"], rows: bool) -> "PieceResult":
        """Combine several results into one with ``recorded=True``.

        Parameters
        ----------
        parts : iterable of PieceResult
            The results to combine.
        rows : bool
            Whether to keep their records, to be shown.

        Returns
        -------
        PieceResult
        """
        parts = list(parts)
        statuses: Counter[str] = Counter()
        failures: dict[str, tuple[int, Mapping[str, Any]]] = {}
        for part in parts:
            statuses.update(part.statuses)
            for message, (count, row) in part.failures.items():
                before, first = failures.get(message, (0, row))
                failures[message] = before + count, first
        shown = [part.rows for part in parts if part.rows is not None] if rows else []
        return cls(statuses, failures, pl.concat(shown, how="diagonal") if shown else None, recorded=True)

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(self.statuses.values())


@dataclass(frozen=True)
class Destination:
    """Where the runs of a sweep are recorded, and with which provenance.

    Attributes
    ----------
    results : Path
        Root folder of the records.
    study : str
        Name of the study.
    provenance : mapping of str to str
        What goes into the footer metadata of every file.
    known : sequence of Path
        The study's files of runs when the sweep began.
    again : bool
        Whether to record a run even if another program has recorded it since the sweep began.
    """

    results: Path
    study: str
    provenance: Mapping[str, str]
    known: Sequence[Path]
    again: bool = False

    def absolute(self) -> "Destination":
        """Return the destination with absolute paths, for a process in another working directory."""
        return replace(self, results=self.results.absolute(), known=[path.absolute() for path in self.known])

    def writer(self, soonest_seconds: float = RunWriter.SOONEST_SECONDS) -> RunWriter:
        """Return a writer that adds runs here.

        Parameters
        ----------
        soonest_seconds : float
            Seconds before the writer first writes what it has collected.

        Returns
        -------
        RunWriter
        """
        return RunWriter(self.results, self.study, self.provenance, self.known, self.again, soonest_seconds)


class RunFailed(RuntimeError):
    """Raised for a run that failed, with the message from its record."""


@dataclass(frozen=True)
class SweepResult:
    """Result of a whole sweep.

    Attributes
    ----------
    failed : int
        Number of runs that failed (for `experiments.conformance`, of comparisons with an unexpected result).
    rows : mapping of str to mapping
        The record of each run by its ``run_id``; empty for a sweep whose runs are not reported one by one.
    """

    failed: int
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def loss(self, run_id: str) -> float:
        """Return the last loss of a run, for a sweeper that minimises it.

        Parameters
        ----------
        run_id : str
            The identity of the run; it must be in ``rows``.

        Returns
        -------
        float

        Raises
        ------
        RunFailed
            If the run failed.
        """
        row = self.rows[run_id]
        if row["status"] == "failed":
            raise RunFailed(row["error"])
        return float(row["loss"])
