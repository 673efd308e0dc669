"""The work of a sweep: which runs are to be done, cut into pieces, what came of a piece, and where it is recorded."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from adamlab.many import compiles, side_by_side
from adamlab.minimize import kept_steps
from adamlab.record import files, finished_runs
from adamlab.record_writer import RunWriter
from experiments.sweep import Family, Piece

Place = tuple[Path, str]
# Updates of coordinates in one piece, and seconds it should take: an interrupt waits for no more. A step of a run costs
# as much as some coordinates besides.
PIECE_UPDATES, PIECE_SECONDS, STEP = 1 << 29, 0.7, 4
PIECE_RUNS = 1 << 13
# Kept steps of a piece, which are in memory at once.
PIECE_TRACE = 1 << 20
# How much larger a piece may be than the one before.
GROWTH = 8


@dataclass(frozen=True)
class Todo:
    """Runs of a family that are to be done, by their places in it."""

    family: Family
    places: NDArray[np.int64]

    @property
    def runs(self) -> int:
        """How many."""
        return self.places.size

    @cached_property
    def is_compiled(self) -> bool:
        """Whether many such runs go through one compiled loop, which leaves Python's lock to others."""
        return compiles(self.piece(0, 1).batch())

    @cached_property
    def updates_of_a_run(self) -> int:
        """About how many coordinates a run updates; the cost of a step counts as some of them."""
        own = self.family.configuration
        return int(own.n_steps * (own.objective.dim + STEP))

    @cached_property
    def largest_piece(self) -> int:
        """How many runs may be done together at most."""
        own = self.family.configuration
        kept = len(kept_steps(own.trace, own.n_steps, own.trace_points))
        return max(1, min(PIECE_RUNS, PIECE_UPDATES // self.updates_of_a_run, PIECE_TRACE // max(1, kept)))

    @cached_property
    def first_piece(self) -> int:
        """How many runs to do together before it is known how long they take."""
        if not self.is_compiled:
            return 1
        # Not one, which would have another kernel compiled.
        return min(self.largest_piece, side_by_side(self.piece(0, 1).batch()) or 2)

    def piece(self, first: int, end: int) -> Piece:
        """The runs from ``first`` to ``end``."""
        return self.family.piece(self.places[first:end])

    def part(self, first: int, end: int | None = None) -> "Todo":
        """The runs from ``first`` to ``end``, still to be done."""
        return Todo(self.family, self.places[first:end])

    def without(self, run_ids: pl.Series) -> "Todo":
        """The runs that are not among ``run_ids``."""
        own = pl.Series("run_id", self.family.piece(self.places).run_ids)
        return Todo(self.family, self.places[~own.is_in(run_ids.implode()).to_numpy()])


class Portions:
    """Hands out the runs of a `Todo` in pieces that take about a second, as it learns how long they take."""

    def __init__(self, todo: Todo) -> None:
        self._todo, self._next, self._size = todo, 0, todo.first_piece

    def __iter__(self) -> "Portions":
        return self

    def __next__(self) -> Piece:
        if self._next >= self._todo.runs:
            raise StopIteration
        first, self._next = self._next, min(self._next + self._size, self._todo.runs)
        return self._todo.piece(first, self._next)

    @property
    def left(self) -> Todo:
        """The runs that have not been handed out."""
        return self._todo.part(self._next)

    def took(self, piece: Piece, seconds: float) -> None:
        """Learn that a piece took so long."""
        fitting = int(piece.runs * min(PIECE_SECONDS / max(seconds, 1e-9), GROWTH))
        if piece.runs >= self._size or fitting < self._size:
            self._size = max(1, min(fitting, self._todo.largest_piece))


@dataclass(frozen=True)
class Done:
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
    def of(cls, rows: pl.DataFrame, trace: pl.DataFrame | None) -> "Done":
        """What a piece's records say of it."""
        statuses = dict(rows["status"].value_counts().iter_rows())
        failed = rows.filter(pl.col("status") == "failed")
        failures = {
            group["error"][0]: (group.height, group.row(0, named=True)) for _, group in failed.group_by("error")
        }
        return cls(statuses, failures, rows, trace)

    @classmethod
    def together(cls, parts: Iterable["Done"], rows: bool) -> "Done":
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


def to_do(families: Iterable[Family], known: Mapping[Place, Sequence[Path]], resume: bool) -> list[Todo]:
    """The runs of ``families`` that no record in the files ``known`` (by results and study) holds.

    Without ``resume`` all of them.
    """
    paths = known if resume else {}
    recorded = {place: finished_runs(paths[place]).select("run_id").collect()["run_id"] for place in paths}
    left = []
    for family in families:
        todo = Todo(family, np.arange(family.size))
        if resume and not recorded[family.place].is_empty():
            todo = todo.without(recorded[family.place])
        if todo.runs:
            left.append(todo)
    return left


def known_files(families: Iterable[Family]) -> dict[Place, list[Path]]:
    """The files of runs of every study that ``families`` write into."""
    places = dict.fromkeys(family.place for family in families)
    return {place: files(*place, "runs") for place in places}
