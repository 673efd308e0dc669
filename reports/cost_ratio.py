"""The time of adamlab's compiled loop relative to each peer and to the machine's floor, by dimension."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import cost, style

STUDY = cost.STUDY
KIND: Kind = cost.KIND
COMMAND = cost.COMMAND
TITLE = "How far from the floor, and from everybody else?"
QUESTION = (
    "The numba backend's time per step as a part of each peer's (below 1: the lab is faster), and over the floor, "
    "which is the largest of four: divisions and roots over their throughput, additions, memory, and the latency of a "
    "step that waits for the one before. The floor is of the method as it is written; who multiplies by the inverse of "
    "a number of the step instead of dividing by it can go below: the lab, where that gives the same bits, and XLA."
)
FLOOR = "the floor"
# Colour and marker of the implementations that the figure compares with the floor.
_SHOWN = {
    cost.OURS: (style.BLUE, "o"),
    "avx512": (style.INK, "D"),
    "jax-loop": (style.GREEN, "D"),
    "optax-scan": (style.GREEN, "o"),
    "torch-fused": (style.VERMILION, "o"),
    "rust-printed-native": (style.BROWN, "D"),
    "rust-reordered-native": (style.BROWN, "D"),
}
_CASE = ["optimizer", "dtype", "dim"]
# Range of the figure in multiples of the floor; lines beyond it are cut off.
_NEAREST, _FARTHEST = 0.6, 30.0


def ratios(study: Study) -> pl.DataFrame:
    """Return the ratio of the numba backend's time to that of every other implementation and to the floor.

    Parameters
    ----------
    study : Study
        The records to read.

    Returns
    -------
    polars.DataFrame
        One row per case and implementation: ``ours`` is the ratio of medians; ``ours_lo`` and ``ours_hi`` are ratios of
        opposite ends of the two intervals.
    """
    rows = cost.timings(study).filter(pl.col("left_out").is_null())
    own = rows.filter(pl.col("implementation") == cost.OURS).select(
        *_CASE,
        pl.col("ns_per_step").alias("own"),
        pl.col("ns_per_step_lo").alias("own_lo"),
        pl.col("ns_per_step_hi").alias("own_hi"),
        pl.col("floor_ns_per_step").alias("floor"),
    )
    beside = rows.filter(pl.col("implementation") != cost.OURS).join(own, on=_CASE)
    to_floor = own.with_columns(
        pl.lit(FLOOR).alias("implementation"),
        *(pl.col("floor").alias(f"ns_per_step{end}") for end in ("", "_lo", "_hi")),
    )
    return pl.concat([beside, to_floor], how="diagonal").select(
        *_CASE,
        "implementation",
        (pl.col("own") / pl.col("ns_per_step")).alias("ours"),
        (pl.col("own_lo") / pl.col("ns_per_step_hi")).alias("ours_lo"),
        (pl.col("own_hi") / pl.col("ns_per_step_lo")).alias("ours_hi"),
    )


def table(study: Study) -> pl.DataFrame:
    """Return the ratios: one row per form, dtype and implementation, one column per dimension."""
    return cost.by_dimension(ratios(study), "ours").rename({"implementation": "numba over"})


def answer(study: Study) -> str:
    """Return the most important ratios with their intervals, computed from the measurement."""
    rows = ratios(study)
    middle = 128
    most = int(rows["dim"].to_numpy().max())
    asked = [
        ("adam_reordered", "float64", middle, "avx512"),
        ("adam_reordered", "float64", middle, "rust-reordered-native"),
        ("adam", "float64", middle, "rust-printed-native"),
        *(("adam", dtype, most, other) for dtype in ("float64", "float32") for other in ("torch-fused", FLOOR)),
    ]
    said = [text for case in asked if (text := _said(rows, *case)) is not None]
    worst = rows.filter(pl.col("implementation") == FLOOR).sort("ours").row(-1, named=True)
    return (
        f"The numba backend takes {'; '.join(said)}. It is farthest from the floor, {worst['ours']:.2f} times, at "
        f"d = {worst['dim']:,} ({worst['optimizer']}, {worst['dtype']})."
    )


def _said(rows: pl.DataFrame, optimizer: str, dtype: str, dim: int, other: str) -> str | None:
    found = rows.filter(
        pl.col("optimizer") == optimizer,
        pl.col("dtype") == dtype,
        pl.col("dim") == dim,
        pl.col("implementation") == other,
    )
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    spread = "" if other == FLOOR else f" [{row['ours_lo']:.2f}, {row['ours_hi']:.2f}]"
    return f"{row['ours']:.2f}{spread} times {other} ({optimizer}, d = {dim:,}, {dtype})"


def figure(study: Study) -> Figure:
    """Draw the fast implementations' times as multiples of the floor, one panel per form and dtype."""
    rows = cost.timings(study).filter(pl.col("left_out").is_null()).sort("dim")
    rows = rows.with_columns(
        (pl.col(f"ns_per_step{end}") / pl.col("floor_ns_per_step")).alias(f"times_floor{end}")
        for end in ("", "_lo", "_hi")
    )
    cases = [(form, dtype) for form in cost.FORMS for dtype in ("float64", "float32")]
    cases = [case for case in cases if rows.filter(_is_case(*case)).height]
    drawn, panels = style.panels([2.6] * len(cases))
    for axes, (optimizer, dtype) in zip(panels, cases, strict=True):
        axes.set(xscale="log", yscale="log", ylim=(_NEAREST, _FARTHEST), title=f"{cost.FORMS[optimizer]}, {dtype}")
        ends = []
        for name, (colour, marker) in _SHOWN.items():
            line = rows.filter(_is_case(optimizer, dtype), pl.col("implementation") == name)
            if line.height:
                cost.draw_line(axes, line, "times_floor", colour, marker)
                end = float(np.clip(line["times_floor"][-1], _NEAREST, _FARTHEST))
                ends.append((name, colour, float(line["dim"][-1]), end))
        axes.axhline(1, color=style.INK, linewidth=1.4)
        axes.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
        axes.yaxis.minorticks_off()
        axes.set_ylabel("times the floor")
        style.label_lines(axes, ends, "right")
    panels[-1].set_xlabel("dimension")
    return drawn


def _is_case(optimizer: str, dtype: str) -> pl.Expr:
    return (pl.col("optimizer") == optimizer) & (pl.col("dtype") == dtype)
