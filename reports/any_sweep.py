"""The report on a study that no other report reads: its best runs, and the loss against what was swept."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from reports import style
from reports.missing_records import MissingRecords

QUESTION = (
    "Of each method on each problem: how many runs ended how, and the best of them. The figure shows the least loss "
    "against the numbers that were swept over most, over all others."
)
PROBLEM = ("optimizer", "objective", "dim")
# Largest number of cells along each axis of a map, and of methods that get a panel.
CELLS, PANELS = 100, 4
_COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.ORANGE, style.PURPLE, style.SKY)


def of(study: str) -> Any:
    """Return the report on one study, as `reports.build` takes it.

    Parameters
    ----------
    study : str
        The study's name.
    """
    return SimpleNamespace(
        __name__=f"sweep_{study}",
        STUDY=study,
        KIND="runs",
        COMMAND=f"a sweep with study_name={study}",
        TITLE=f"What came of the runs of {study}?",
        QUESTION=QUESTION,
        table=table,
        answer=answer,
        figure=figure,
    )


def swept(study: Study) -> list[str]:
    """Return the names of the numbers that differ between runs, those with most values first.

    Parameters
    ----------
    study : Study
        The records to read.
    """
    schema = study.lazy_runs.collect_schema()
    results = ("steps", "loss", "grad_norm", "seconds")
    numbers = [name for name, dtype in schema.items() if dtype.is_numeric() and name not in results]
    counts = study.lazy_runs.select(pl.col(numbers).n_unique()).collect().row(0, named=True)
    return sorted((name for name in numbers if counts[name] > 1), key=lambda name: -counts[name])


def table(study: Study) -> pl.DataFrame:
    """Return a row for each method on each problem: the number of runs, how they ended, and the run of least loss."""
    keys = swept(study)
    finite = pl.when(pl.col("loss").is_finite()).then("loss")
    best = [pl.col(name).get(finite.arg_min()).alias(f"best {name}") for name in keys if name not in PROBLEM]
    ended = [(pl.col("status") == status).sum().alias(status) for status in ("converged", "diverged", "failed")]
    rows = study.lazy_runs.group_by(PROBLEM).agg(
        pl.len().alias("runs"), *ended, finite.min().alias("least loss"), finite.median().alias("median loss"), *best
    )
    return rows.sort("least loss", *PROBLEM, nulls_last=True).collect()


def answer(study: Study) -> str:
    """Return the best method in one sentence."""
    rows = table(study)
    runs = rows["runs"].sum()
    first = rows.row(0, named=True)
    if first["least loss"] is None:
        return f"None of {runs:,} runs ended with a finite loss."
    best = {name.removeprefix("best "): value for name, value in first.items() if name.startswith("best ")}
    at = ", ".join(f"{name} {value:g}" for name, value in best.items() if value is not None)
    where = f" at {at}" if at else ""
    return (
        f"The least loss of {runs:,} runs is {first['least loss']:.4g}: "
        f"{first['optimizer']} on {first['objective']}, dim {first['dim']}{where}."
    )


def figure(study: Study) -> Figure:
    """Draw the least loss along the number with most values, or a map of it over the two with most values."""
    keys = [name for name in swept(study) if name != "seed"] or swept(study)
    if not keys:
        raise MissingRecords("its runs differ in no number")
    methods = table(study)["optimizer"].unique(maintain_order=True).to_list()
    methods = [method for method in methods if not _losses(study, method, keys[:2]).is_empty()]
    if not methods:
        raise MissingRecords("no run that has all swept numbers ended with a finite loss")
    if len(keys) > 1 and study.lazy_runs.select(pl.col(keys[1]).n_unique()).collect().item() > len(_COLOURS):
        drawn, axes = style.panels([3.4] * min(len(methods), PANELS))
        for panel, method in zip(axes, methods, strict=False):
            _draw_map(drawn, panel, _losses(study, method, keys[:2]), keys[:2])
            panel.set_title(f"{method}: least loss")
        return drawn
    drawn, (panel,) = style.panels([3.4])
    for colour, method in zip(_COLOURS, methods, strict=False):
        rows = _losses(study, method, keys[:1])
        panel.plot(rows[keys[0]], rows["loss"], color=colour, label=method, marker="." if rows.height < CELLS else "")
    panel.set(xlabel=keys[0], title="Least loss", xscale=_scale(rows[keys[0]].to_numpy()), yscale="log")
    panel.legend(fontsize=8.5)
    return drawn


def _losses(study: Study, method: str, keys: Sequence[str]) -> pl.DataFrame:
    """Return the least finite loss for each value of `keys`; no rows for a method without one of them."""
    rows = study.lazy_runs.filter(pl.col("optimizer") == method, pl.col("loss").is_finite())
    return rows.drop_nulls(keys).group_by(keys).agg(pl.col("loss").min()).sort(keys).collect()


def _draw_map(drawn: Figure, panel: Axes, rows: pl.DataFrame, keys: Sequence[str]) -> None:
    edges = [_edges(rows[key].unique().sort().to_numpy()) for key in keys]
    cells = [
        np.clip(np.searchsorted(e, rows[key].to_numpy(), "right") - 1, 0, e.size - 2)
        for e, key in zip(edges, keys, strict=True)
    ]
    least = np.full((edges[1].size - 1, edges[0].size - 1), np.nan)
    np.fmin.at(least, (cells[1], cells[0]), rows["loss"].to_numpy())
    positive = least[least > 0]
    norm = LogNorm(positive.min(), positive.max()) if positive.size and positive.max() > positive.min() else None
    shown = panel.pcolormesh(*edges, least, norm=norm, cmap="viridis", rasterized=True)
    drawn.colorbar(shown, ax=panel, label="loss")
    panel.set(xlabel=keys[0], ylabel=keys[1], xscale=_scale(edges[0]), yscale=_scale(edges[1]))
    panel.grid(visible=False)


def _edges(values: Any) -> Any:
    """Return the edges of at most `CELLS` cells that contain the values, spaced evenly on their scale."""
    spaced = np.geomspace if _scale(values) == "log" else np.linspace
    low, high = float(values[0]), float(values[-1])
    count = min(values.size, CELLS)
    return spaced(low, high if high > low else low + 1, count + 1)


def _scale(values: Any) -> str:
    """Return ``"log"`` if the sorted values are positive and span two decades or more, else ``"linear"``."""
    return "log" if values.size and values[0] > 0 and values[-1] / values[0] >= 100 else "linear"
