"""The cost of the three forms of Adam: adamlab's backends, the seed's Rust, and the machine's floor."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import seed, style

STUDY = "seed"
KIND: Kind = "timings"
COMMAND = "python experiments/cost.py +study=seed_cost"
TITLE = "What does a step of Adam cost, as printed, reordered and lazy?"
QUESTION = (
    "The seed timed its three Rust forms of Adam on the sphere in 128 dimensions. Here are the lab's own two forms on "
    "each backend, the seed's forms in Rust written anew, and the least time this machine allows, timed in turns."
)
# From the seed's text: microseconds for a run of 100 steps on its author's machine. Below: each form's optimizer.
SEED_STEPS = 100
SEED_RUN_US = {"printed": 39.5, "reordered": 29.8, "lazy": 107.0}
_OPTIMIZER = {"printed": "adam", "reordered": "adam_reordered", "lazy": "adam"}

_COLOURS = {
    "seed": style.ORANGE,
    "numba": style.BLUE,
    "numpy": style.SKY,
    "python": style.PURPLE,
    "rust": style.VERMILION,
}


def table(study: Study) -> pl.DataFrame:
    """Return a row per implementation and number of steps, in nanoseconds per step and microseconds per run.

    The seed's own numbers come from its text; they have neither an interval nor a floor of this machine.
    """
    name = (
        pl.when(pl.col("backend").is_null())
        .then(pl.col("implementation"))
        .otherwise(pl.format("{}, {}", "optimizer", "backend"))
    )
    measured = seed.timings(study).with_columns(
        name.alias("form"),
        (pl.col("ns_per_step") * pl.col("steps") / 1e3).alias("us_per_run"),
        (pl.col("ns_per_step") / pl.col("floor_ns_per_step")).alias("times_floor"),
    )
    quoted = pl.DataFrame(
        [
            {
                "form": f"the seed's text, {form}",
                "optimizer": _OPTIMIZER[form],
                "steps": SEED_STEPS,
                "us_per_run": microseconds,
                "ns_per_step": 1e3 * microseconds / SEED_STEPS,
            }
            for form, microseconds in SEED_RUN_US.items()
        ]
    )
    return (
        pl.concat([measured, quoted], how="diagonal_relaxed")
        .sort("steps", "optimizer", "ns_per_step")
        .select(
            "form",
            "optimizer",
            "steps",
            "us_per_run",
            "ns_per_step",
            "ns_per_step_lo",
            "ns_per_step_hi",
            "floor_ns_per_step",
            "times_floor",
            "samples",
        )
    )


def answer(study: Study) -> str:
    """Return the answer in a few sentences, computed from the table; the seed's ratios are for its 100 steps."""
    rows = table(study)
    longest, as_seed = _longest(rows), rows.filter(pl.col("steps") == SEED_STEPS)
    ours = _ratio(longest, "adam_reordered, numba", "adam, numba")
    text = (
        f"On the numba backend the reordered form takes {ours:.2f} of the printed form's time "
        f"over {longest['steps'][0]:,} steps."
    )
    if as_seed.filter(pl.col("form") == "rust-lazy").is_empty():
        return f"{text} The seed's Rust forms are absent: {_why_no_rust(study)}."
    quoted = SEED_RUN_US
    return (
        f"{text} In Rust over {SEED_STEPS} steps the reordered form takes "
        f"{_ratio(as_seed, 'rust-reordered', 'rust-printed'):.2f} of the printed form's time "
        f"(the seed: {quoted['reordered'] / quoted['printed']:.2f}), the lazy form "
        f"{_ratio(as_seed, 'rust-lazy', 'rust-printed'):.2f} times it "
        f"(the seed: {quoted['lazy'] / quoted['printed']:.2f}), and the lazy form with its bias corrections "
        f"hoisted out of the loop over coordinates {_ratio(as_seed, 'rust-lazy-hoisted', 'rust-printed'):.2f} times it."
    )


def figure(study: Study) -> Figure:
    """Draw time per step of each implementation in the longest run, with intervals and the floor, by form."""
    every = table(study)
    rows = every.filter((pl.col("steps") == pl.col("steps").max()) | pl.col("samples").is_null())
    rows = rows.sort("ns_per_step", descending=True)
    groups = [rows.filter(pl.col("optimizer") == optimizer) for optimizer in seed.FORMS]
    drawn, panels = style.panels([0.8 + 0.25 * group.height for group in groups])
    least, most = rows["floor_ns_per_step"].drop_nulls().to_numpy().min(), rows["ns_per_step"].to_numpy().max()
    for axes, group, title in zip(panels, groups, ("As printed, and lazy", "Reordered"), strict=True):
        _draw(axes, group)
        axes.set(title=title, xlim=(least / 3, most * 6))
    panels[-1].set_xlabel("nanoseconds per step: median, 95% interval")
    panels[0].legend(loc="upper right", fontsize=8)
    return drawn


def _draw(axes: Axes, rows: pl.DataFrame) -> None:
    for place, row in enumerate(rows.iter_rows(named=True)):
        middle, colour = row["ns_per_step"], _colour(row["form"])
        text = f"{middle:,.0f}"
        axes.annotate(text, (middle, place), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8)
        if row["samples"] is None:
            axes.plot(middle, place, "o", color=colour, markersize=4.5, markerfacecolor="white")
            continue
        around = [[middle - row["ns_per_step_lo"]], [row["ns_per_step_hi"] - middle]]
        axes.errorbar(middle, place, xerr=around, fmt="o", color=colour, markersize=3.2, capsize=3, elinewidth=1.2)
    floor = rows["floor_ns_per_step"].drop_nulls()[0]
    axes.axvline(floor, color=style.INK, linewidth=1.4, label="floor of this machine")
    axes.annotate(
        f"{floor:,.0f}",
        (floor, rows.height - 0.75),
        xytext=(-3, 0),
        textcoords="offset points",
        ha="right",
        fontsize=8,
    )
    axes.set_xscale("log")
    axes.set_yticks(range(rows.height), rows["form"], fontsize=8.5)
    axes.set_ylim(-0.7, rows.height - 0.3)
    axes.grid(axis="y", visible=False)


def _longest(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("steps") == pl.col("steps").max())


def _ratio(rows: pl.DataFrame, form: str, to: str) -> float:
    times = dict(rows.select("form", "ns_per_step").iter_rows())
    return float(times[form] / times[to])


def _colour(form: str) -> str:
    return next(colour for name, colour in _COLOURS.items() if name in form)


def _why_no_rust(study: Study) -> str:
    return study.provenance("timings")[-1].get("rust_seed", "they were not asked for")
