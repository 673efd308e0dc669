"""What the three forms of Adam cost: the lab's backends, the seed's Rust, and what the machine allows."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamlab.record import Kind, Study
from reports import style

STUDY = "seed"
KIND: Kind = "timings"
COMMAND = "python experiments/cost.py +study=seed_cost"
TITLE = "What does a step of Adam cost, as printed, reordered and lazy?"
QUESTION = (
    "The seed timed its three Rust forms of Adam on the sphere in 128 dimensions. Here are the lab's own two forms on "
    "each backend, the seed's forms in Rust written anew, and the least time this machine allows, timed in turns."
)
# From the seed's text: microseconds for a run of 100 steps, on its author's machine.
SEED_RUN_US = {"rust-printed": 39.5, "rust-reordered": 29.8, "rust-lazy": 107.0}
SEED_STEPS = 100

_COLOURS = {"numba": style.BLUE, "numpy": style.SKY, "python": style.PURPLE, "rust": style.VERMILION}


def table(study: Study) -> pl.DataFrame:
    """A row for each implementation and number of steps, in nanoseconds per step and microseconds per run."""
    timings = study.timings
    name = (
        pl.when(pl.col("backend").is_null())
        .then(pl.col("implementation"))
        .otherwise(pl.format("{}, {}", "optimizer", "backend"))
    )
    return (
        timings.with_columns(
            name.alias("form"),
            (pl.col("ns_per_step") * pl.col("steps") / 1e3).alias("us_per_run"),
            (pl.col("ns_per_step") / pl.col("floor_ns_per_step")).alias("times_floor"),
            pl.when(pl.col("steps") == SEED_STEPS)
            .then(pl.col("implementation").replace_strict(SEED_RUN_US, default=None, return_dtype=pl.Float64))
            .alias("seed_us_per_run"),
        )
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
            "seed_us_per_run",
        )
    )


def answer(study: Study) -> str:
    """The verdict in a sentence or two, computed from the table; the seed's ratios are for its 100 steps."""
    rows = table(study)
    longest, as_seed = _longest(rows), rows.filter(pl.col("steps") == SEED_STEPS)
    ours = _ratio(longest, "adam_reordered, numba", "adam, numba")
    text = (
        f"On the numba backend the reordered form takes {ours:.2f} of the printed form's time "
        f"over {longest['steps'][0]:,} steps."
    )
    if as_seed.filter(pl.col("form") == "rust-lazy").is_empty():
        return f"{text} The seed's Rust forms are absent: {_why_no_rust(study)}."
    seed = SEED_RUN_US
    return (
        f"{text} In Rust over {SEED_STEPS} steps the reordered form takes "
        f"{_ratio(as_seed, 'rust-reordered', 'rust-printed'):.2f} of the printed form's time "
        f"(the seed: {seed['rust-reordered'] / seed['rust-printed']:.2f}), the lazy form "
        f"{_ratio(as_seed, 'rust-lazy', 'rust-printed'):.2f} times it "
        f"(the seed: {seed['rust-lazy'] / seed['rust-printed']:.2f}), and the lazy form with its bias corrections "
        f"hoisted out of the loop over coordinates {_ratio(as_seed, 'rust-lazy-hoisted', 'rust-printed'):.2f} times it."
    )


def figure(study: Study) -> Figure:
    """Time per step of every implementation in the longest run, with intervals and the floor; a panel a form."""
    rows = _longest(table(study)).sort("ns_per_step", descending=True)
    forms = {"adam": "As printed, and lazy", "adam_reordered": "Reordered"}
    groups = [rows.filter(pl.col("optimizer") == optimizer) for optimizer in forms]
    drawn, panels = style.panels([0.75 + 0.25 * group.height for group in groups])
    least, most = rows["floor_ns_per_step"].to_numpy().min(), rows["ns_per_step_hi"].to_numpy().max()
    for axes, group, title in zip(panels, groups, forms.values(), strict=True):
        _draw(axes, group)
        floor = group["floor_ns_per_step"][0]
        axes.axvline(floor, color=style.INK, linewidth=1.4)
        axes.set_title(f"{title} (line: the machine's floor, {floor:,.0f})")
        axes.set(xlim=(least / 1.5, most * 4))
    panels[-1].set_xlabel("nanoseconds per step (median, 95% interval)")
    return drawn


def _draw(axes: Axes, rows: pl.DataFrame) -> None:
    for place, row in enumerate(rows.iter_rows(named=True)):
        middle, colour = row["ns_per_step"], _colour(row["form"])
        around = [[middle - row["ns_per_step_lo"]], [row["ns_per_step_hi"] - middle]]
        axes.errorbar(middle, place, xerr=around, fmt="o", color=colour, markersize=3.2, capsize=3, elinewidth=1.2)
        text = f"{middle:,.0f}"
        axes.annotate(text, (middle, place), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_yticks(range(rows.height), rows["form"])
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
