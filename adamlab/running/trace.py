"""The trace of a run: loss, gradient norm, step length and distance at some of its steps."""

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import polars as pl

from adamlab.records.schema import TRACE, types
from adamlab.rules.symbols import Choice, Number
from adamlab.running.stepping import Stepper

TRACE_KIND = Choice("", ("log", "every", "none"))
TRACE_POINTS = Number("points", "[2, inf)", whole=True)


def kept_steps(trace: str, n_steps: int, points: int) -> Sequence[int]:
    """Return the steps that a trace keeps after step 0.

    Parameters
    ----------
    trace : {"log", "every", "none"}
        Steps spaced evenly in the logarithm, every step, or none.
    n_steps : int
        Largest number of steps of the run.
    points : int
        About how many steps to keep if ``trace`` is ``"log"``.

    Returns
    -------
    sequence of int
        In increasing order; the last one is ``n_steps``, unless the sequence is empty.
    """
    if trace == "none":
        return []
    if trace == "every":
        return range(1, n_steps + 1)
    return [int(step) for step in np.unique(np.rint(np.geomspace(1, n_steps, points)))]


class Trace:
    """Collects the rows of a run's trace."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, float, float, float | None, float | None]] = []

    def keep(self, run: Stepper) -> None:
        """Measure the run at its current step and add a row, unless that step has one already.

        Parameters
        ----------
        run : Stepper
            The run.
        """
        if self._rows and self._rows[-1][0] == run.t:
            return
        loss, gradient_sq, distance_sq = run.measure()
        step_norm = None if run.t == 0 else math.sqrt(run.step_sq)
        distance = None if math.isnan(distance_sq) else math.sqrt(distance_sq)
        self._rows.append((run.t, loss, math.sqrt(gradient_sq), step_norm, distance))

    def frame(self) -> pl.DataFrame:
        """Return one row per kept step, with the columns of `adamlab.records.schema.TRACE`."""
        return pl.DataFrame(self._rows, schema=cast(Any, types(TRACE)), orient="row")
