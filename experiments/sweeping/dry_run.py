"""Describe what a sweep would execute, and how long it would take (``dry_run=true``)."""

from collections.abc import Callable, Sequence

from experiments.sweeping.axes import Axis
from experiments.sweeping.calibration import Calibration
from experiments.sweeping.families import Piece
from experiments.sweeping.sweep import Sweep

# Seconds that the calibration may take.
BUDGET_SECONDS = 3.0
SHOWN = 6


def describe(sweep: Sweep, left: Sequence[Piece], plan: Callable[[Sequence[Piece], Calibration], str]) -> None:
    """Print the number of runs, the axes, how many runs are recorded already, and an estimate of the time.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    left : sequence of Piece
        The runs that are not recorded yet.
    plan : callable
        The executor's ``plan(work, calibration)``, a phrase that begins with how long the work takes.
    """
    runs = sum(family.size for family in sweep.families)
    waiting = sum(piece.size for piece in left)
    print(f"{runs:,} runs")
    width = max((len(axis.key) for axis in sweep.axes), default=0)
    for axis in sweep.axes:
        print(f"  {axis.key:<{width}}  {len(axis.texts):>7,}: {_values(axis)}")
    print(f"{runs - waiting:,} recorded before, {waiting:,} to run")
    if left:
        calibration = Calibration(left, BUDGET_SECONDS)
        # The runs of the calibration are not recorded.
        seen = sum(done.runs for done in calibration.perform())
        families = f"{calibration.families} of {len(left)} families of runs"
        print(f"about {plan(left, calibration)}, estimated from {seen:,} runs of {families}")


def _values(axis: Axis) -> str:
    values = [text.partition("=")[2] for text in axis.texts]
    if len(values) <= SHOWN:
        return ", ".join(values)
    return ", ".join([*values[: SHOWN - 1], "...", values[-1]])
