"""The cost of a step of Adam from one dimension to twenty million, beside the peers and the machine's floors."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import style
from reports.missing_records import MissingRecords

STUDY = "cost"
KIND: Kind = "timings"
COMMAND = "python experiments/cost.py +study=cost"
TITLE = "What does a step of Adam cost, from one dimension to twenty million?"
QUESTION = (
    "Nanoseconds per step on the sphere, by dimension, with one thread: the lab's backends, NumPy as people write it, "
    "other libraries, and Rust; with the least times this machine allows. Everybody evaluates the gradient at every "
    "step, and the set-up with the first step is not on the clock (in Rust it is, where it hardly counts). No run "
    "stops early: the lab, avx512 and Rust test for it at every step all the same, the other peers do not."
)
FORMS = {"adam": "As printed", "adam_reordered": "Reordered"}
OURS = "adamlab numba"
FLOORS = {"arithmetic": "division and root", "movement": "memory", "latency": "one step after another"}
# Colour and marker of the implementations that the figure shows; the table has all.
_SHOWN = {
    "adamlab python": (style.PURPLE, "^"),
    "adamlab numpy": (style.SKY, "s"),
    OURS: (style.BLUE, "o"),
    "numpy-as-written": (style.ORANGE, "s"),
    "torch-default": (style.VERMILION, "v"),
    "torch-foreach": (style.VERMILION, "^"),
    "torch-fused": (style.VERMILION, "o"),
    "optax-jit": (style.GREEN, "v"),
    "optax-scan": (style.GREEN, "o"),
    "jax-loop": (style.GREEN, "D"),
    "rust-printed-native": (style.BROWN, "D"),
    "rust-lazy-native": (style.BROWN, "v"),
    "rust-reordered-native": (style.BROWN, "D"),
    "avx512": (style.INK, "D"),
}
_DASHES = {"arithmetic": "-", "movement": "--", "latency": ":"}

_SPHERE = {"objective": "sphere", "noise": "none", "schedule": "constant", "tol": 0.0, "timing.set_up": "excluded"}
_CASE = ["optimizer", "dtype", "dim"]


def timings(study: Study) -> pl.DataFrame:
    """Return the latest measurement that timed both forms on the numba backend in several dimensions.

    Parameters
    ----------
    study : Study
        The records to read.

    Returns
    -------
    polars.DataFrame
        One row per case and implementation, with those that were left out. adamlab's implementations include the
        backend in their name.

    Raises
    ------
    MissingRecords
        If there is no such measurement.
    """
    rows = study.timings
    if {*_SPHERE, *_CASE, "left_out", "backend"} - set(rows.columns):
        raise MissingRecords("no measurement of Adam on the sphere beside its floors is recorded")
    rows = rows.filter(*(pl.col(name) == value for name, value in _SPHERE.items()), pl.col("optimizer").is_in(FORMS))
    whole = (
        rows.filter(pl.col("backend") == "numba", pl.col("dtype") == "float64", pl.col("left_out").is_null())
        .group_by("measurement", maintain_order=True)
        .agg(pl.struct("optimizer", "dim").n_unique().alias("found"))
        .filter(pl.col("found") >= 2 * len(FORMS))
    )
    if whole.is_empty():
        raise MissingRecords("no measurement is recorded that has both forms on the numba backend in two dimensions")
    return rows.filter(pl.col("measurement") == whole["measurement"][-1]).with_columns(
        pl.when(pl.col("backend").is_null())
        .then(pl.col("implementation"))
        .otherwise(pl.format("{} {}", "implementation", "backend"))
        .alias("implementation")
    )


def table(study: Study) -> pl.DataFrame:
    """Return nanoseconds per step: one row per form, dtype and implementation or floor, one column per dimension."""
    rows = timings(study)
    own = rows.filter(pl.col("implementation") == OURS)
    floors = [
        own.select(*_CASE, pl.lit(f"floor: {meaning}").alias("implementation"), pl.col(f"floor_{name}").alias("ns"))
        for name, meaning in FLOORS.items()
    ]
    measured = rows.select(*_CASE, "implementation", pl.col("ns_per_step").alias("ns"))
    return by_dimension(pl.concat([measured, *floors]), "ns")


def by_dimension(rows: pl.DataFrame, value: str) -> pl.DataFrame:
    """Spread values over one column per dimension.

    Parameters
    ----------
    rows : polars.DataFrame
        With the columns dtype, optimizer, implementation, dim and `value`.
    value : str
        The column to spread.

    Returns
    -------
    polars.DataFrame
        Sorted by dtype, form, and the value in the middle dimension.
    """
    dims = rows["dim"].unique().sort().to_list()
    wide = rows.sort("dim").pivot("dim", index=["dtype", "optimizer", "implementation"], values=value)
    wide = wide.sort("dtype", "optimizer", str(dims[len(dims) // 2]), descending=[True, False, False], nulls_last=True)
    return wide.rename({str(dim): f"d = {dim:,}" for dim in dims})


def answer(study: Study) -> str:
    """Return the answer in a few sentences, computed from the measurement."""
    rows = timings(study).filter(pl.col("dtype") == "float64")
    own = rows.filter(pl.col("implementation") == OURS).sort("dim")
    parts = []
    for optimizer, form in FORMS.items():
        per = own.filter(pl.col("optimizer") == optimizer)
        few, many = per.row(0, named=True), per.row(-1, named=True)
        parts.append(
            f"{form}, a step of the numba backend takes {few['ns_per_step']:,.0f} ns at d = {few['dim']:,} and "
            f"{many['ns_per_step'] / many['dim']:.2f} ns a coordinate at d = {many['dim']:,} (float64)."
        )
    return " ".join([*parts, _left_out(rows), _missing(study)]).strip()


def _left_out(rows: pl.DataFrame) -> str:
    least = (
        rows.filter(pl.col("left_out").is_not_null())
        .group_by("implementation")
        .agg(pl.col("dim").min(), pl.col("timing.max_step_seconds").first())
        .sort("dim", "implementation")
    )
    if least.is_empty():
        return ""
    names = [f"{row['implementation']} from {row['dim']:,}" for row in least.iter_rows(named=True)]
    limit = least["timing.max_step_seconds"][0]
    return f"Left out, because a step takes longer than {limit:g} s: {', '.join(names)}."


def _missing(study: Study) -> str:
    """Return which peers were asked for but missing; their provenance holds a reason instead of a version."""
    measured = set(timings(study)["implementation"])
    last = study.provenance("timings")[-1]
    reasons = [f"{peer} ({last[peer]})" for peer, start in _PEERS.items() if peer in last and not _any(measured, start)]
    return f"Missing: {', '.join(reasons)}." if reasons else "No peer was missing."


_PEERS = {
    "avx512": "avx512",
    "jax": "jax-",
    "numpy_as_written": "numpy-",
    "optax": "optax-",
    "rust_seed": "rust-",
    "torch": "torch-",
}


def _any(names: set[str], start: str) -> bool:
    return any(name.startswith(start) for name in names)


def figure(study: Study) -> Figure:
    """Draw time per step against dimension in float64, with intervals and floors, one panel per form."""
    rows = timings(study).filter(pl.col("dtype") == "float64", pl.col("left_out").is_null())
    drawn, panels = style.panels([4.3] * len(FORMS))
    for axes, (optimizer, form) in zip(panels, FORMS.items(), strict=True):
        chosen = rows.filter(pl.col("optimizer") == optimizer).sort("dim")
        ends = []
        for name, (colour, marker) in _SHOWN.items():
            line = chosen.filter(pl.col("implementation") == name)
            if line.height:
                draw_line(axes, line, "ns_per_step", colour, marker)
                ends.append((name, colour, float(line["dim"][0]), float(line["ns_per_step"][0])))
        _draw_floors(axes, chosen.filter(pl.col("implementation") == OURS))
        axes.set(xscale="log", yscale="log", title=f"{form}, float64", xlabel="dimension")
        axes.set_ylabel("nanoseconds per step: median, 95% interval")
        axes.yaxis.set_label_position("right")
        axes.yaxis.tick_right()
        axes.spines[["left", "right"]].set_visible(False)
        style.label_lines(axes, ends, "left")
        axes.legend(loc="lower right", fontsize=8, title="floors of this machine", title_fontsize=8)
    return drawn


def draw_line(axes: Axes, line: pl.DataFrame, value: str, colour: str, marker: str) -> None:
    """Draw a line over the dimensions, with intervals.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    line : polars.DataFrame
        With the columns dim, `value`, and `value` followed by ``_lo`` and ``_hi``.
    value : str
        The column to draw.
    colour, marker : str
        The line's look.
    """
    middle = line[value].to_numpy()
    around = np.abs(np.array([line[f"{value}_lo"].to_numpy() - middle, line[f"{value}_hi"].to_numpy() - middle]))
    axes.errorbar(
        line["dim"].to_numpy(),
        middle,
        yerr=around,
        fmt="-",
        marker=marker,
        color=colour,
        markersize=3.5,
        linewidth=1.1,
        elinewidth=1,
        capsize=2,
    )


def _draw_floors(axes: Axes, own: pl.DataFrame) -> None:
    dims = own["dim"].to_numpy()
    for name, meaning in FLOORS.items():
        axes.plot(dims, own[f"floor_{name}"].to_numpy(), _DASHES[name], color=style.INK, linewidth=1.2, label=meaning)
