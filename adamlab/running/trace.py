"""The trace of a run: what it measures at some of its steps."""

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
    """The steps a trace keeps after step 0: none, all, or about ``points`` of them spaced evenly in the logarithm."""
    if trace == "none":
        return []
    if trace == "every":
        return range(1, n_steps + 1)
    return [int(step) for step in np.unique(np.rint(np.geomspace(1, n_steps, points)))]


class Trace:
    """Keeps what a run measures at some of its steps."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, float, float, float | None, float | None]] = []

    def keep(self, run: Stepper) -> None:
        """Add the run's present step, once."""
        if self._rows and self._rows[-1][0] == run.t:
            return
        loss, gradient_sq, distance_sq = run.measure()
        step_norm = None if run.t == 0 else math.sqrt(run.step_sq)
        distance = None if math.isnan(distance_sq) else math.sqrt(distance_sq)
        self._rows.append((run.t, loss, math.sqrt(gradient_sq), step_norm, distance))

    def frame(self) -> pl.DataFrame:
        """Return the kept steps, with the columns of `adamlab.records.schema.TRACE`."""
        return pl.DataFrame(self._rows, schema=cast(Any, types(TRACE)), orient="row")
