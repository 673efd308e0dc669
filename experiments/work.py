"""The work of a sweep: which runs are to be done, cut into pieces, and what came of a piece."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from adamlab.many import SIDE_BY_SIDE, compiles, side_by_side
from adamlab.minimize import kept_steps
from adamlab.record import files, finished_runs
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
        return min(self.largest_piece, SIDE_BY_SIDE if side_by_side(self.piece(0, 1).batch()) else 2)

    def piece(self, first: int, end: int) -> Piece:
        """The runs from ``first`` to ``end``."""
        return self.family.piece(self.places[first:end])


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
        return Todo(self._todo.family, self._todo.places[self._next :])

    def took(self, piece: Piece, seconds: float) -> None:
        """Learn that a piece took so long."""
        fitting = int(piece.runs * min(PIECE_SECONDS / max(seconds, 1e-9), GROWTH))
        if piece.runs >= self._size or fitting < self._size:
            self._size = max(1, min(fitting, self._todo.largest_piece))


@dataclass(frozen=True)
class Done:
    """What came of a piece: how many runs ended how, the failures, and what is still to be recorded.

    ``failures`` has, by message, how many runs failed with it and the record of one of them. ``rows`` and ``trace`` are
    None where the worker has recorded them.
    """

    statuses: Mapping[str, int]
    failures: Mapping[str, tuple[int, Mapping[str, Any]]]
    rows: pl.DataFrame | None = None
    trace: pl.DataFrame | None = None

    @classmethod
    def of(cls, rows: pl.DataFrame, trace: pl.DataFrame | None) -> "Done":
        """What a piece's records say of it."""
        statuses = dict(rows["status"].value_counts().iter_rows())
        failed = rows.filter(pl.col("status") == "failed")
        failures = {
            group["error"][0]: (group.height, group.row(0, named=True)) for _, group in failed.group_by("error")
        }
        return cls(statuses, failures, rows, trace)

    @property
    def runs(self) -> int:
        """How many."""
        return sum(self.statuses.values())


def to_do(families: Iterable[Family], known: Mapping[Place, Sequence[Path]]) -> list[Todo]:
    """The runs of ``families`` that no record in the files ``known`` (by results and study) holds."""
    recorded = {place: finished_runs(paths).select("run_id").collect()["run_id"] for place, paths in known.items()}
    left = []
    for family in families:
        ids = recorded[family.place]
        places = np.arange(family.size)
        if not ids.is_empty():
            wanted = pl.Series("run_id", family.run_ids)
            places = np.flatnonzero(~wanted.is_in(ids.implode()).to_numpy())
        if places.size:
            left.append(Todo(family, places))
    return left


def known_files(families: Iterable[Family], resume: bool) -> dict[Place, list[Path]]:
    """The files of runs of every study that ``families`` write into; none if all is to be run again."""
    places = dict.fromkeys(family.place for family in families)
    return {place: files(*place, "runs") if resume else [] for place in places}
