"""Chunks: the runs that are sent to another machine together.

A chunk holds all that its worker needs: configured runs, and where their records go. The worker records its runs
itself, so nothing is lost if the process that sent the chunk ends. Which runs of a chunk are done follows from the
records alone, so a chunk whose worker was lost can be sent again, whatever that worker had done.
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

# Seconds before a worker first writes what it has collected: many workers may share a study and its lock.
SOONEST_SECONDS = 30.0
# Number of chunks that a lost chunk is divided into, so that a run that ends its worker is finally alone in a chunk.
PARTS = 4


@dataclass(frozen=True)
class Chunk:
    """Runs that one worker executes and records.

    Attributes
    ----------
    work : sequence of Piece
        The runs.
    destination : Destination
        Where they are recorded; its paths are absolute.
    cores : int
        Number of cores that the worker may use.
    shown : bool
        Whether the worker also returns the records, to be shown.
    losses : int
        How often this chunk, or one that it was part of, was lost without any of its runs recorded.
    """

    work: Sequence[Piece]
    destination: Destination
    cores: int
    shown: bool
    losses: int = 0

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(piece.size for piece in self.work)

    def perform(self, executor: str, **where: str) -> PieceResult:
        """Execute and record the runs that have not been recorded since the sweep began.

        Parameters
        ----------
        executor : str
            The executor's name, for the records' provenance and for error messages.
        **where : str
            Further entries of the provenance, such as the job and the node.

        Returns
        -------
        PieceResult
            The result of all runs of the chunk, those recorded earlier included. After an interrupt it has fewer runs
            than the chunk.

        Raises
        ------
        ConfigurationError
            If the source code here is not the code with which the sweep was composed.
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
        """Return the records of the chunk's runs that have been written since the sweep began.

        Returns
        -------
        polars.DataFrame
            One row for each recorded run; if a run was recorded twice, the later row.
        """
        paths = files(self.destination.results, self.destination.study, "runs")
        since = sorted(set(paths) - set(self.destination.known))
        if not since:
            return pl.DataFrame(schema={"run_id": pl.String, "status": pl.String, "error": pl.String})
        own = pl.LazyFrame({"run_id": [id for piece in self.work for id in piece.run_ids]})
        return scan_files(since).join(own, on="run_id", how="semi").unique("run_id", keep="last").collect()

    def rest(self, recorded: pl.DataFrame) -> list["Chunk"]:
        """Return the runs that are not recorded, in smaller chunks.

        Parameters
        ----------
        recorded : polars.DataFrame
            What `recorded` has returned.

        Returns
        -------
        list of Chunk
            At most `PARTS` chunks.
        """
        left = self._left(recorded)
        losses = 0 if recorded.height else self.losses + 1
        updates = sum(piece.size * piece.updates_of_a_run for piece in left)
        parts = cut(left, lambda piece: piece.updates_of_a_run, updates / PARTS, PARTS)
        return [replace(self, work=part, losses=losses) for part in parts]

    def failed(self, recorded: pl.DataFrame, message: str) -> list[PieceResult]:
        """Give up the runs that are not recorded: return results in which they have failed.

        Parameters
        ----------
        recorded : polars.DataFrame
            What `recorded` has returned.
        message : str
            The reason, for the column ``error``.

        Returns
        -------
        list of PieceResult
        """
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
                    f"{executor}: a worker must have the code that the sweep was composed with; "
                    f"that of {own.keys['optimizer']} on {own.keys['objective']} differs"
                )


def cut(work: Sequence[Piece], cost: Callable[[Piece], float], size: float, most: int) -> list[list[Piece]]:
    """Divide runs into parts of about the same cost; the most expensive runs come first.

    Parameters
    ----------
    work : sequence of Piece
        The runs.
    cost : callable
        The cost of one run of a piece.
    size : float
        The cost that a part should have, in the same unit; parts are larger if there would be more than ``most``.
    most : int
        Largest number of parts.

    Returns
    -------
    list of list of Piece
    """
    total = sum(piece.size * cost(piece) for piece in work)
    size = total / min(most, ceil(total / size)) if total > 0 else 1.0
    while len(parts := _parts(work, cost, size)) > most:
        size *= 1.25
    return parts


def _parts(work: Sequence[Piece], cost: Callable[[Piece], float], size: float) -> list[list[Piece]]:
    """Divide runs into parts that cost about ``size`` each."""
    parts: list[list[Piece]] = []
    part: list[Piece] = []
    room = size
    for piece in sorted(work, key=cost, reverse=True):
        of_one, first = cost(piece), 0
        while first < piece.size:
            # Rounded to the nearest, so that a part ends with the run that fills it, despite rounding errors.
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
