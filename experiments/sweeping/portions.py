"""Split a piece into portions, each sized by the time that earlier portions took."""

from experiments.sweeping.families import Piece

# How long a portion should take, in seconds; an interrupt takes effect between portions, so within about this time.
PORTION_SECONDS = 0.7
# Largest ratio of a portion's size to that of the measured one before it.
GROWTH = 8


class Portions:
    """Iterator over a piece in portions that take about `PORTION_SECONDS` each.

    The portions are pieces themselves. The caller reports the duration of each with `took`.

    Parameters
    ----------
    piece : Piece
        The runs to split.
    """

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
        """The runs that are not in any portion yet."""
        return self._piece.part(self._next)

    def took(self, portion: Piece, seconds: float) -> None:
        """Adapt the size of the next portions to the duration of one.

        Parameters
        ----------
        portion : Piece
            The portion that has been executed.
        seconds : float
            How long that took.
        """
        fitting = int(portion.size * min(PORTION_SECONDS / max(seconds, 1e-9), GROWTH))
        if portion.size >= self._size or fitting < self._size:
            self._size = max(1, min(fitting, self._piece.most_together))
