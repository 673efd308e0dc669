"""What a sweep would do, and how long it would take: ``dry_run=true``."""

import time
from collections.abc import Sequence

from experiments.axes import Axis
from experiments.progress import duration
from experiments.sweep import Sweep
from experiments.work import Todo

# Seconds that the calibration may take.
BUDGET_SECONDS = 3.0
SHOWN = 6


def describe(sweep: Sweep, left: Sequence[Todo]) -> None:
    """Print the runs, the axes, what is done already, and an estimate of the time from a short calibration."""
    runs = sum(family.size for family in sweep.families)
    waiting = sum(todo.runs for todo in left)
    print(f"{runs:,} runs")
    width = max((len(axis.key) for axis in sweep.axes), default=0)
    for axis in sweep.axes:
        print(f"  {axis.key:<{width}}  {len(axis.texts):>7,}: {_values(axis)}")
    print(f"{runs - waiting:,} recorded before, {waiting:,} to run")
    if left:
        seconds, seen, families = _estimate(left)
        print(
            f"about {duration(seconds)} on one core, from {seen:,} runs of {families} of {len(left)} families of runs"
        )


def _values(axis: Axis) -> str:
    values = [text.partition("=")[2] for text in axis.texts]
    if len(values) <= SHOWN:
        return ", ".join(values)
    return ", ".join([*values[: SHOWN - 1], "...", values[-1]])


def _estimate(left: Sequence[Todo]) -> tuple[float, int, int]:
    """Seconds of one core for all, and how many runs of how many families that was seen from; nothing is recorded."""
    begun = time.perf_counter()
    measured: list[tuple[Todo, float]] = []
    runs = 0
    # The cheapest first: the budget reaches the furthest, and what is left out is scaled from what is like it.
    for todo in sorted(left, key=lambda todo: (not todo.is_compiled, todo.updates_of_a_run)):
        if measured and time.perf_counter() - begun > BUDGET_SECONDS:
            break
        seconds, count = _seconds_of_a_run(todo)
        runs += count
        measured.append((todo, seconds))
    known = {id(todo): seconds for todo, seconds in measured}
    return sum(todo.runs * known.get(id(todo), _scaled(todo, measured)) for todo in left), runs, len(measured)


def _seconds_of_a_run(todo: Todo) -> tuple[float, int]:
    piece = todo.piece(0, todo.first_piece)
    begun = time.perf_counter()
    piece.perform()
    first = time.perf_counter() - begun
    if not todo.is_compiled or first > BUDGET_SECONDS:
        return first / piece.runs, piece.runs
    # The first has compiled its kernel, or loaded it.
    begun = time.perf_counter()
    piece.perform()
    return (time.perf_counter() - begun) / piece.runs, piece.runs


def _scaled(todo: Todo, measured: Sequence[tuple[Todo, float]]) -> float:
    """A run's seconds from those of the family most like it: of the same backend, and the nearest in updates."""

    def unlike(other: tuple[Todo, float]) -> tuple[bool, float]:
        mine, theirs = todo.family.configuration, other[0].family.configuration
        ratio = todo.updates_of_a_run / other[0].updates_of_a_run
        return mine.backend != theirs.backend, max(ratio, 1 / ratio)

    nearest, seconds = min(measured, key=unlike)
    return seconds * todo.updates_of_a_run / nearest.updates_of_a_run
