"""Estimate how long the runs of a sweep take by executing a few of them."""

import time
from collections.abc import Iterator, Sequence

from experiments.sweeping.families import Piece
from experiments.sweeping.results import PieceResult

# Seconds for the update of a coordinate if no similar run has been measured, compiled (True) and called from Python.
ASSUMED = {True: 1e-8, False: 1e-6}
# Smallest number of runs that use the kernel for many runs.
FEWEST = 2


class Calibration:
    """Executes some runs of each family, and estimates from them what a run costs.

    Families are measured in order of their expected cost: compiled ones first, then by the number of updates. A
    family is left out if the budget is spent, or if the smallest sample of it is expected to take longer than the
    whole budget.

    Parameters
    ----------
    work : sequence of Piece
        The runs, one piece for each family.
    budget : float
        About how long to execute runs, in seconds.
    """

    def __init__(self, work: Sequence[Piece], budget: float) -> None:
        self._work, self._budget = work, budget
        self._done: dict[int, int] = {}
        self._measured: dict[int, float] = {}
        # For each backend, and whether the run is compiled: the seconds of a run by its number of updates.
        self._alike: dict[tuple[str, bool], dict[int, float]] = {}

    def perform(self) -> Iterator[PieceResult]:
        """Execute the first runs of the families.

        Yields
        ------
        PieceResult
            The results of these runs; they are not recorded yet.
        """
        begun = time.perf_counter()
        for piece in sorted(self._work, key=lambda piece: (not piece.is_compiled, piece.updates_of_a_run)):
            if self._measured and time.perf_counter() - begun > self._budget:
                break
            size = min(piece.first_together, int(self._budget / max(self.seconds_of_a_run(piece), 1e-9)))
            if size >= (FEWEST if piece.is_compiled else 1):
                yield from self._measure(piece, size)

    def _measure(self, piece: Piece, size: int) -> Iterator[PieceResult]:
        """Execute ``size`` runs of a piece, and if it is compiled as many again, whose time counts."""
        seconds, done = _timed(piece, 0, size)
        yield done
        self._done[id(piece)] = min(size, piece.size)
        # The first call has compiled or loaded the kernel. If no runs are left, the same runs are timed once more.
        if piece.is_compiled:
            more = piece.size > size
            seconds, done = _timed(piece, size if more else 0, 2 * size if more else size)
            if more:
                yield done
                self._done[id(piece)] = min(2 * size, piece.size)
        self._measured[id(piece.family)] = seconds / done.runs
        self._alike.setdefault(_kind(piece), {})[piece.updates_of_a_run] = seconds / done.runs

    @property
    def families(self) -> int:
        """Number of families that have been measured."""
        return len(self._measured)

    @property
    def left(self) -> list[Piece]:
        """The runs that have not been executed."""
        rest = [piece.part(self._done.get(id(piece), 0)) for piece in self._work]
        return [piece for piece in rest if piece.size]

    def seconds_of_a_run(self, piece: Piece) -> float:
        """Return the time of one run on one core.

        Parameters
        ----------
        piece : Piece
            Runs of the family in question.

        Returns
        -------
        float
            Seconds, as measured for this family; otherwise scaled from the measured family of the same backend that
            is nearest in updates; otherwise computed from `ASSUMED`.
        """
        if id(piece.family) in self._measured:
            return self._measured[id(piece.family)]
        own, alike = piece.updates_of_a_run, self._alike.get(_kind(piece))
        if not alike:
            return own * ASSUMED[piece.is_compiled]
        nearest = min(alike, key=lambda updates: max(own / updates, updates / own))
        return alike[nearest] * own / nearest

    def seconds(self, work: Sequence[Piece]) -> float:
        """Return the time of some work on one core, in seconds.

        Parameters
        ----------
        work : sequence of Piece
            The runs.

        Returns
        -------
        float
        """
        return sum(piece.size * self.seconds_of_a_run(piece) for piece in work)


def _kind(piece: Piece) -> tuple[str, bool]:
    return piece.family.configuration.backend, piece.is_compiled


def _timed(piece: Piece, first: int, end: int) -> tuple[float, PieceResult]:
    """Execute some runs of a piece; return the seconds that took, and the result."""
    begun = time.perf_counter()
    done = PieceResult.of(*piece.part(first, end).perform())
    return time.perf_counter() - begun, done
