"""The common look of all figures, and how they are saved: the same records give the same bytes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy
from numpy.typing import NDArray

matplotlib.use("agg")

# Width in inches: wide enough for a page, and narrow enough to be readable on a phone.
WIDTH = 4.9
INK, QUIET, GRID = "#1f2933", "#66737f", "#dde2e7"
# Okabe & Ito's palette, whose colours people with any colour vision can distinguish.
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#a8558a", "#56b4e9"
BROWN = "#7a4a1e"

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
    """Apply the common settings to what is drawn inside the ``with`` block."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def panels(heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Return a new figure with panels below each other.

    Parameters
    ----------
    heights : sequence of float
        Height of each panel in inches.

    Returns
    -------
    figure : Figure
    axes : list of Axes
        From top to bottom.
    """
    figure = Figure(figsize=(WIDTH, sum(heights)))
    axes = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)
    return figure, list(axes[:, 0])


def label_lines(axes: Axes, ends: Sequence[tuple[str, str, float, float]], side: str) -> None:
    """Write each line's name beside its end, in its colour, on axes that are both logarithmic.

    Names that would overlap are moved apart, and a thin line connects each name with the end of its line.

    Parameters
    ----------
    axes : Axes
        Where the lines are.
    ends : sequence of tuple
        Name, colour, x and y of each end.
    side : str
        ``"left"`` or ``"right"``.
    """
    bottom, top = np.log10(axes.get_ylim())
    figure: Any = axes.get_figure()
    apart = 0.15 * (top - bottom) * len(figure.axes) / figure.get_figheight()
    places = _moved_apart(np.log10([y for *_, y in ends]), apart, bottom + apart / 2)
    edge, shift, align = (0.0, -12, "right") if side == "left" else (1.0, 12, "left")
    leaves = (1, 0.5) if side == "left" else (0, 0.5)
    for (name, colour, x, y), place in zip(ends, places, strict=True):
        at = ((place - bottom) / (top - bottom)).item()
        axes.annotate(
            name,
            (x, y),
            xytext=(edge, at),
            textcoords=offset_copy(axes.transAxes, figure, shift, 0, units="points"),
            ha=align,
            va="center",
            fontsize=8,
            color=colour,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.5,
                "shrinkA": 0,
                "shrinkB": 1,
                "relpos": leaves,
            },
            annotation_clip=False,
        )


def _moved_apart(wanted: NDArray[np.float64], apart: float, lowest: float) -> NDArray[np.float64]:
    """Return positions near `wanted` and in its order, at least `apart` from each other; crowded ones are centred."""
    order = np.argsort(wanted, kind="stable")
    groups: list[tuple[float, int]] = []
    for place in wanted[order]:
        middle, count = float(place), 1
        while groups and middle - (count - 1) * apart / 2 < groups[-1][0] + (groups[-1][1] + 1) * apart / 2:
            before, more = groups.pop()
            middle, count = (before * more + middle * count) / (more + count), more + count
        middle = max(middle, lowest + (count - 1) * apart / 2)
        groups.append((middle, count))
    spread = [middle + apart * (k - (count - 1) / 2) for middle, count in groups for k in range(count)]
    places = np.empty_like(wanted)
    places[order] = spread
    return places


def save(figure: Figure, path: Path, source: str) -> None:
    """Write a figure as SVG and PNG.

    Parameters
    ----------
    figure : Figure
        The figure.
    path : Path
        The files' path without suffix.
    source : str
        Where the numbers come from; stored as description in both files.
    """
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": "adamlab", "Description": source})
    figure.savefig(path.with_suffix(".png"), dpi=200, metadata={"Software": "adamlab", "Description": source})
