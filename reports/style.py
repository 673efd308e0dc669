"""The look that all figures share, and how they are saved: the same records give the same bytes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

matplotlib.use("agg")

# Wide enough for a page, narrow enough that its letters can be read at a phone's width.
WIDTH = 4.9
INK, QUIET, GRID = "#1f2933", "#66737f", "#dde2e7"
# Okabe & Ito's palette, which people with any colour vision can tell apart.
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#a8558a", "#56b4e9"

_SETTINGS: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "svg.hashsalt": "adamlab",
    "svg.fonttype": "path",
}


@contextmanager
def look() -> Iterator[None]:
    """Draw with the lab's settings."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def panels(heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """A figure of panels under each other, of these heights in inches."""
    figure = Figure(figsize=(WIDTH, sum(heights)))
    axes = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)
    return figure, list(axes[:, 0])


def save(figure: Figure, path: Path, source: str) -> None:
    """Write ``path``.svg and ``path``.png; ``source`` says in the files where the numbers came from."""
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": "adamlab", "Description": source})
    figure.savefig(path.with_suffix(".png"), dpi=200, metadata={"Software": "adamlab", "Description": source})
