"""Chunks: the runs that are sent to another machine together.

A chunk is all that its worker needs: composed configurations, and where records go. The worker records its runs
itself, so nothing is lost if the process that has sent it ends. What of a chunk is done is what the records say: one
whose worker was lost may be sent again, whatever that worker had done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import polars as pl

from adamlab.records.fingerprint import fingerprint
from adamlab.records.provenance import provenance
from adamlab.records.reading import files, scan_files
from adamlab.rules.symbols import ConfigurationError
from experiments.sweeping.executors import local
from experiments.sweeping.families import Piece
from experiments.sweeping.results import Destination, PieceResult

# A worker's runs wait so long to be written: many workers may share a study, and its lock.
SOONEST_SECONDS = 30.0
# What is sent again is sent in so many parts, so that what ends a worker is at last alone in its chunk.
PARTS = 4


@dataclass(frozen=True)
class Chunk:
    """Work that is sent away together; ``destination`` is absolute.

    ``cores``: how many its worker may use. ``shown``: its records come back too. ``losses``: how often it, or what it
    was part of, was lost without any run of it recorded.
    """

    work: Sequence[Piece]
    destination: Destination
    cores: int
    shown: bool
    losses: int = 0

    @property
    def runs(self) -> int:
        """How many."""
        return sum(piece.size for piece in self.work)

    def perform(self, executor: str, **where: str) -> PieceResult:
        """Do and record the runs that are not recorded since the sweep began; what came of all of them.

        ``executor`` and ``where`` go into the records' provenance. An interrupt ends it early, with fewer runs then.
        Raises `ConfigurationError` if the code here is not that which the sweep was composed with.
        """
        self._check_code(executor)
        before = self.recorded()
        origin = provenance(command=self.destination.provenance["command"], executor=executor, **where)
        destination = replace(self.destination, provenance=origin)
        done = [PieceResult.of(before, None)]
        with destination.writer(SOONEST_SECONDS) as writer:
            try:
                for part in local.Executor({"workers": self.cores}).execute(self._left(before), destination):
                    if part.rows is not None:
                        writer.add(part.rows, part.trace)
                    done.append(part if self.shown else replace(part, rows=None, trace=None))
            except KeyboardInterrupt:
                pass
        return PieceResult.together(done, self.shown)

    def recorded(self) -> pl.DataFrame:
        """The records of its runs that have been written since the sweep began."""
        paths = files(self.destination.results, self.destination.study, "runs")
        since = sorted(set(paths) - set(self.destination.known))
        if not since:
            return pl.DataFrame(schema={"run_id": pl.String, "status": pl.String, "error": pl.String})
        own = pl.LazyFrame({"run_id": [id for piece in self.work for id in piece.run_ids]})
        return scan_files(since).join(own, on="run_id", how="semi").unique("run_id", keep="last").collect()

    def rest(self, recorded: pl.DataFrame) -> list["Chunk"]:
        """What is not ``recorded``, in smaller chunks."""
        left = self._left(recorded)
        losses = 0 if recorded.height else self.losses + 1
        updates = sum(piece.size * piece.updates_of_a_run for piece in left)
        parts = cut(left, lambda piece: piece.updates_of_a_run, updates / PARTS, PARTS)
        return [replace(self, work=part, losses=losses) for part in parts]

    def failed(self, recorded: pl.DataFrame, message: str) -> list[PieceResult]:
        """What is not ``recorded``, given up: rows that say why."""
        return [
            PieceResult.of(piece.part(first, first + piece.most_together).failed(message), None)
            for piece in self._left(recorded)
            for first in range(0, piece.size, piece.most_together)
        ]

    def _left(self, recorded: pl.DataFrame) -> list[Piece]:
        if recorded.is_empty():
            return list(self.work)
        rest = (piece.without(recorded["run_id"]) for piece in self.work)
        return [piece for piece in rest if piece.size]

    def _check_code(self, executor: str) -> None:
        for piece in self.work:
            own = piece.family.configuration
            if fingerprint(*own.modules) != own.algorithms:
                raise ConfigurationError(
                    f"{executor}: a worker's code must be that with which the sweep was composed; "
                    f"that of {own.keys['optimizer']} on {own.keys['objective']} is another here"
                )


def cut(work: Sequence[Piece], cost: Callable[[Piece], float], size: float, most: int) -> list[list[Piece]]:
    """``work`` in at most ``most`` parts of about the same cost, ``size`` if possible; the costliest runs come first.

    ``cost`` is that of one run of a family.
    """
    total = sum(piece.size * cost(piece) for piece in work)
    size = total / min(most, ceil(total / size)) if total > 0 else 1.0
    while len(parts := _parts(work, cost, size)) > most:
        size *= 1.25
    return parts


def _parts(work: Sequence[Piece], cost: Callable[[Piece], float], size: float) -> list[list[Piece]]:
    parts: list[list[Piece]] = []
    part: list[Piece] = []
    room = size
    for piece in sorted(work, key=cost, reverse=True):
        of_one, first = cost(piece), 0
        while first < piece.size:
            # Rounded, so that a part is full with the run that fills it.
            count = min(piece.size - first, round(room / of_one)) if of_one > 0 else piece.size - first
            if count <= 0 and part:
                parts.append(part)
                part, room = [], size
                continue
            count = max(1, count)
            part.append(piece.part(first, first + count))
            room -= count * of_one
            first += count
    return [*parts, part] if part else parts
