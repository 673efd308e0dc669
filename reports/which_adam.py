"""The comparison of methods of the same name in adamlab and other libraries: which take the same steps."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import style

STUDY = "which_adam"
KIND: Kind = "conformance"
COMMAND = "python experiments/conformance.py"
TITLE = "Which Adam? Who takes the same steps under the same name"
QUESTION = (
    "Every method of the lab beside its namesakes in torch, optax and pytorch_optimizer, in float64, with the same "
    "numbers, on 300 recorded gradients with heavy tails, exact zeros, a zero first gradient and scales from 1e-14 to "
    "1e3, and in closed loop on two problems. A difference is the largest over steps and coordinates, as a part of the "
    "way the coordinate went."
)

_MARKS = {
    "torch": (style.VERMILION, "o"),
    "optax": (style.BLUE, "s"),
    "pytorch_optimizer": (style.GREEN, "D"),
}
_LEAST, _MOST = 1e-17, 1e3


def table(study: Study) -> pl.DataFrame:
    """Return a row per optimizer and namesake: whether they are equal to rounding, how far they differ, and why."""
    return study.conformance.sort("optimizer", "peer", "namesake").select(
        "optimizer", "peer", "namesake", "equal", "recorded", "closed_loop", "reason"
    )


def answer(study: Study) -> str:
    """Return the answer in one or two sentences, computed from the table."""
    rows = table(study)
    equal = rows.filter("equal")
    differing = rows.filter(~pl.col("equal"))
    text = (
        f"Of {rows.height} namesakes of {rows['optimizer'].n_unique()} methods, {equal.height} take the same steps to "
        f"rounding (at most {max(equal['recorded'].to_list(), default=0.0):.0e} on recorded gradients)"
    )
    if differing.is_empty():
        return text + "."
    finite = differing.filter(pl.col("recorded").is_finite())["recorded"].to_list()
    return (
        f"{text} and {differing.height} do not, by {min(finite):.0e} to {max(finite):.0e} of the way or, in "
        f"{differing.height - len(finite)} cases, by leaving the finite numbers: "
        f"{', '.join(differing['optimizer'].unique().sort())}."
    )


def figure(study: Study) -> Figure:
    """Draw the difference of each namesake on recorded gradients, one row per optimizer."""
    rows = table(study)
    names = rows["optimizer"].unique().sort(descending=True).to_list()
    drawn, (axes,) = style.panels([1.1 + 0.185 * len(names)])
    for peer, (colour, marker) in _MARKS.items():
        chosen = rows.filter(pl.col("peer") == peer)
        shown = np.clip(chosen["recorded"].to_numpy(), _LEAST, _MOST)
        places = [names.index(name) for name in chosen["optimizer"]]
        axes.plot(shown, places, marker, color=colour, markersize=4.5, alpha=0.75, linestyle="none", label=peer)
    axes.axvspan(_LEAST / 3, 1e-11, color=style.GRID, alpha=0.5, linewidth=0)
    axes.annotate(
        "equal to rounding",
        (_LEAST, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=8,
        color=style.QUIET,
    )
    axes.set(
        xscale="log",
        xlim=(_LEAST / 3, _MOST * 3),
        xlabel="largest difference, as a part of the way\n(at the right edge: 1,000 and more)",
    )
    axes.set_yticks(range(len(names)), names, fontsize=7.5)
    axes.set_ylim(-0.8, len(names) - 0.2)
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.055), ncols=3, columnspacing=1.2, handletextpad=0.3)
    return drawn
