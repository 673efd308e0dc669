"""How long the runs of a sweep take, seen from a few of them."""

import time
from collections.abc import Iterator, Sequence

from experiments.sweeping.families import Piece
from experiments.sweeping.results import PieceResult

# Seconds for the update of a coordinate, where nothing like it has been measured: compiled, and called from Python.
ASSUMED = {True: 1e-8, False: 1e-6}
# Runs that go through the kernel for many.
FEWEST = 2


class Calibration:
    """Does some runs of each family, the cheapest first, for about ``budget`` seconds; then knows what a run costs.

    A family is left out if the budget is spent, or if the fewest runs of it are expected to take longer than all of it.
    """

    def __init__(self, work: Sequence[Piece], budget: float) -> None:
        self._work, self._budget = work, budget
        self._done: dict[int, int] = {}
        self._measured: dict[int, float] = {}
        # By backend and whether it is compiled: the seconds of a run by its updates.
        self._alike: dict[tuple[str, bool], dict[int, float]] = {}

    def perform(self) -> Iterator[PieceResult]:
        """Do the first runs; yields what came of them."""
        begun = time.perf_counter()
        for piece in sorted(self._work, key=lambda piece: (not piece.is_compiled, piece.updates_of_a_run)):
            if self._measured and time.perf_counter() - begun > self._budget:
                break
            size = min(piece.first_together, int(self._budget / max(self.seconds_of_a_run(piece), 1e-9)))
            if size >= (FEWEST if piece.is_compiled else 1):
                yield from self._measure(piece, size)

    def _measure(self, piece: Piece, size: int) -> Iterator[PieceResult]:
        seconds, done = _timed(piece, 0, size)
        yield done
        self._done[id(piece)] = min(size, piece.size)
        # The first has compiled its kernel, or loaded it. If there are no others, the same are timed once more.
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
        """How many families have been measured."""
        return len(self._measured)

    @property
    def left(self) -> list[Piece]:
        """The runs that have not been done."""
        rest = [piece.part(self._done.get(id(piece), 0)) for piece in self._work]
        return [piece for piece in rest if piece.size]

    def seconds_of_a_run(self, piece: Piece) -> float:
        """What a run costs one core: as measured, or from those most like it: same backend, and nearest in updates."""
        if id(piece.family) in self._measured:
            return self._measured[id(piece.family)]
        own, alike = piece.updates_of_a_run, self._alike.get(_kind(piece))
        if not alike:
            return own * ASSUMED[piece.is_compiled]
        nearest = min(alike, key=lambda updates: max(own / updates, updates / own))
        return alike[nearest] * own / nearest

    def seconds(self, work: Sequence[Piece]) -> float:
        """What ``work`` costs one core."""
        return sum(piece.size * self.seconds_of_a_run(piece) for piece in work)


def _kind(piece: Piece) -> tuple[str, bool]:
    return piece.family.configuration.backend, piece.is_compiled


def _timed(piece: Piece, first: int, end: int) -> tuple[float, PieceResult]:
    begun = time.perf_counter()
    done = PieceResult.of(*piece.part(first, end).perform())
    return time.perf_counter() - begun, done
