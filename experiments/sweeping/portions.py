"""Runs handed out in portions whose size fits the time that they take."""

from experiments.sweeping.families import Piece

# How long a portion should take, in seconds: an interrupt waits for no more.
PORTION_SECONDS = 0.7
# How much larger a portion may be than the one before.
GROWTH = 8


class Portions:
    """Hands out the runs of a piece in portions that take about a second, as it learns how long they take."""

    def __init__(self, piece: Piece) -> None:
        self._piece, self._next, self._size = piece, 0, piece.first_together

    def __iter__(self) -> "Portions":
        return self

    def __next__(self) -> Piece:
        if self._next >= self._piece.size:
            raise StopIteration
        first, self._next = self._next, min(self._next + self._size, self._piece.size)
        return self._piece.part(first, self._next)

    @property
    def left(self) -> Piece:
        """The runs that have not been handed out."""
        return self._piece.part(self._next)

    def took(self, portion: Piece, seconds: float) -> None:
        """Learn that a portion took so long."""
        fitting = int(portion.size * min(PORTION_SECONDS / max(seconds, 1e-9), GROWTH))
        if portion.size >= self._size or fitting < self._size:
            self._size = max(1, min(fitting, self._piece.most_together))
