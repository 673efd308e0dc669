"""What came of runs: of a piece, and of a whole sweep; and where their records go."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from adamlab.records.writing import RunWriter


@dataclass(frozen=True)
class PieceResult:
    """What came of a piece: how many runs ended how, the failures, and their records.

    ``failures`` has, by message, how many runs failed with it and the record of one of them. ``recorded``: whoever did
    the runs has recorded them too; ``rows`` are then to be shown only, and None if they are many.
    """

    statuses: Mapping[str, int]
    failures: Mapping[str, tuple[int, Mapping[str, Any]]]
    rows: pl.DataFrame | None = None
    trace: pl.DataFrame | None = None
    recorded: bool = False

    @classmethod
    def of(cls, rows: pl.DataFrame, trace: pl.DataFrame | None) -> "PieceResult":
        """What a piece's records say of it."""
        statuses = dict(rows["status"].value_counts().iter_rows())
        failed = rows.filter(pl.col("status") == "failed")
        failures = {
            group["error"][0]: (group.height, group.row(0, named=True)) for _, group in failed.group_by("error")
        }
        return cls(statuses, failures, rows, trace)

    @classmethod
    def together(cls, parts: Iterable["PieceResult"], rows: bool) -> "PieceResult":
        """What came of several pieces that have been recorded; with their rows if these are to be shown."""
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
        """How many."""
        return sum(self.statuses.values())


@dataclass(frozen=True)
class Destination:
    """Where the runs of a sweep are recorded, and as coming from where.

    ``known`` are the study's files of runs when the sweep began; ``again``: runs that they hold are recorded again.
    """

    results: Path
    study: str
    provenance: Mapping[str, str]
    known: Sequence[Path]
    again: bool = False

    def absolute(self) -> "Destination":
        """The same for a process in another folder."""
        return replace(self, results=self.results.absolute(), known=[path.absolute() for path in self.known])

    def writer(self, soonest_seconds: float = RunWriter.SOONEST_SECONDS) -> RunWriter:
        """What adds runs here."""
        return RunWriter(self.results, self.study, self.provenance, self.known, self.again, soonest_seconds)


class RunFailed(RuntimeError):
    """A run that raised; its record holds the message."""


@dataclass(frozen=True)
class SweepResult:
    """How many runs failed; of a sweep of few runs also the record of each by its ``run_id``."""

    failed: int
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def loss(self, run_id: str) -> float:
        """A run's last loss, for a sweeper that seeks the least; raises `RunFailed` for one that failed."""
        row = self.rows[run_id]
        if row["status"] == "failed":
            raise RunFailed(row["error"])
        return float(row["loss"])
