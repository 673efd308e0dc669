"""How long the runs of a sweep take, seen from a few of them."""

import time
from collections.abc import Iterator, Sequence

from experiments.work import Done, Todo

# Seconds for the update of a coordinate, where nothing like it has been measured: compiled, and called from Python.
ASSUMED = {True: 1e-8, False: 1e-6}
# Runs that go through the kernel for many.
FEWEST = 2


class Calibration:
    """Does some runs of each family, the cheapest first, for about ``budget`` seconds; then knows what a run costs.

    A family is left out if the budget is spent, or if the fewest runs of it are expected to take longer than all of it.
    """

    def __init__(self, work: Sequence[Todo], budget: float) -> None:
        self._work, self._budget = work, budget
        self._done: dict[int, int] = {}
        self._measured: dict[int, float] = {}
        # By backend and whether it is compiled: the seconds of a run by its updates.
        self._alike: dict[tuple[str, bool], dict[int, float]] = {}

    def perform(self) -> Iterator[Done]:
        """Do the first runs; yields what came of them."""
        begun = time.perf_counter()
        for todo in sorted(self._work, key=lambda todo: (not todo.is_compiled, todo.updates_of_a_run)):
            if self._measured and time.perf_counter() - begun > self._budget:
                break
            size = min(todo.first_piece, int(self._budget / max(self.seconds_of_a_run(todo), 1e-9)))
            if size >= (FEWEST if todo.is_compiled else 1):
                yield from self._measure(todo, size)

    def _measure(self, todo: Todo, size: int) -> Iterator[Done]:
        seconds, done = _timed(todo, 0, size)
        yield done
        self._done[id(todo)] = min(size, todo.runs)
        # The first has compiled its kernel, or loaded it. If there are no others, the same are timed once more.
        if todo.is_compiled:
            more = todo.runs > size
            seconds, done = _timed(todo, size if more else 0, 2 * size if more else size)
            if more:
                yield done
                self._done[id(todo)] = min(2 * size, todo.runs)
        self._measured[id(todo.family)] = seconds / done.runs
        self._alike.setdefault(_kind(todo), {})[todo.updates_of_a_run] = seconds / done.runs

    @property
    def families(self) -> int:
        """How many families have been measured."""
        return len(self._measured)

    @property
    def left(self) -> list[Todo]:
        """The runs that have not been done."""
        rest = [todo.part(self._done.get(id(todo), 0)) for todo in self._work]
        return [todo for todo in rest if todo.runs]

    def seconds_of_a_run(self, todo: Todo) -> float:
        """What a run costs one core: as measured, or from those most like it: same backend, and nearest in updates."""
        if id(todo.family) in self._measured:
            return self._measured[id(todo.family)]
        own, alike = todo.updates_of_a_run, self._alike.get(_kind(todo))
        if not alike:
            return own * ASSUMED[todo.is_compiled]
        nearest = min(alike, key=lambda updates: max(own / updates, updates / own))
        return alike[nearest] * own / nearest

    def seconds(self, work: Sequence[Todo]) -> float:
        """What ``work`` costs one core."""
        return sum(todo.runs * self.seconds_of_a_run(todo) for todo in work)


def _kind(todo: Todo) -> tuple[str, bool]:
    return todo.family.configuration.backend, todo.is_compiled


def _timed(todo: Todo, first: int, end: int) -> tuple[float, Done]:
    begun = time.perf_counter()
    done = Done.of(*todo.piece(first, end).perform())
    return time.perf_counter() - begun, done
