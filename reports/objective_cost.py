"""The cost of a step on every objective, and of a user's functions relative to adamlab's own objective."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import style
from reports.missing_records import MissingRecords

STUDY = "objective_cost"
KIND: Kind = "timings"
COMMAND = "python experiments/cost.py +study=objective_cost"
TITLE = "What does a step cost on each objective?"
QUESTION = (
    "The reordered form of Adam on the numba backend, its gradient in every step, on every objective at its own "
    "dimension; and the same objective given as two functions of a user's, written as in a module of their own and "
    "timed in the same rounds."
)
USERS = "user's functions"
RATIO = "user's over it"
# A user's functions should take at most this multiple of the time of adamlab's own objective.
_NEAR = 1.1


def table(study: Study) -> pl.DataFrame:
    """Return a row per objective: time per step and per coordinate, and the ratio of a user's functions to it."""
    rows = study.timings
    if rows.is_empty() or "objective" not in rows.columns:
        raise MissingRecords("no timing of an objective is recorded")
    rows = rows.filter(pl.col("left_out").is_null())
    rows = rows.filter(pl.col("measurement") == rows["measurement"][-1])
    case = ["objective", "optimizer", "dim", "dtype"]
    own = rows.filter(pl.col("implementation") == "adamlab", pl.col("backend") == "numba")
    if own.is_empty():
        raise MissingRecords("no timing of an objective on the numba backend is recorded")
    times = [f"ns_per_step{end}" for end in ("", "_lo", "_hi")]
    users = rows.filter(pl.col("implementation") == USERS).select(*case, *(pl.col(t).alias(f"user {t}") for t in times))
    over = {"": ("", ""), "_lo": ("_lo", "_hi"), "_hi": ("_hi", "_lo")}
    return (
        own.select(*case, *times, (pl.col("ns_per_step") / pl.col("dim")).alias("ns per coordinate"))
        .join(users, on=case, how="left")
        .with_columns(
            (pl.col(f"user ns_per_step{theirs}") / pl.col(f"ns_per_step{ours}")).alias(f"{RATIO}{end}")
            for end, (theirs, ours) in over.items()
        )
        .drop("user ns_per_step_lo", "user ns_per_step_hi")
        .sort("ns_per_step", "objective")
    )


def answer(study: Study) -> str:
    """Return the answer in one or two sentences, computed from the table."""
    rows = table(study)
    first, last = rows.row(0, named=True), rows.row(-1, named=True)
    text = (
        f"A step takes from {first['ns_per_step']:,.0f} ns ({first['objective']}, d = {first['dim']}) to "
        f"{last['ns_per_step']:,.0f} ns ({last['objective']}, d = {last['dim']})."
    )
    users = rows.drop_nulls(RATIO)
    if users.is_empty():
        return text
    ratios = ", ".join(f"{name} {ratio:.2f}" for name, ratio in users.select("objective", RATIO).iter_rows())
    near = users.filter(pl.col(RATIO) <= _NEAR).height
    aim = f"{near} of {users.height} within {_NEAR}"
    return f"{text} A user's functions take this much of the leaf's time: {ratios} ({aim})."


def figure(study: Study) -> Figure:
    """Draw time per step, one row per objective, and below it the ratio of users' functions to adamlab's objective."""
    rows = table(study).sort("ns_per_step", descending=True)
    users = rows.drop_nulls(RATIO)
    heights = [1.0 + 0.185 * rows.height, *([0.95 + 0.2 * users.height] if users.height else [])]
    drawn, (above, *below) = style.panels(heights)
    places = list(range(rows.height))
    _with_intervals(above, rows, "ns_per_step", places, "the lab's")
    theirs = rows.with_row_index().drop_nulls(RATIO)
    above.plot(theirs["user ns_per_step"], theirs["index"], "x", color=style.VERMILION, markersize=5, label="a user's")
    above.set_yticks(
        places, [f"{row['objective']}, {row['dim']:,}" for row in rows.iter_rows(named=True)], fontsize=7.5
    )
    above.set(xscale="log", ylim=(-0.8, rows.height - 0.2), xlabel="ns per step: median, 95% interval")
    above.set_title("Objective and its dimension", fontsize=9.5)
    above.grid(axis="y", visible=False)
    above.legend(loc="upper right", fontsize=8)
    for axes in below:
        _with_intervals(axes, users, RATIO, list(range(users.height)), "")
        axes.axvline(1, color=style.INK, linewidth=1.4)
        axes.set_yticks(range(users.height), users["objective"].to_list(), fontsize=7.5)
        axes.set(ylim=(-0.8, users.height - 0.2), xlabel="a user's functions over the lab's leaf")
        axes.grid(axis="y", visible=False)
    return drawn


def _with_intervals(axes: Axes, rows: pl.DataFrame, name: str, places: list[int], label: str) -> None:
    middle = rows[name].to_numpy()
    around = [middle - rows[f"{name}_lo"].to_numpy(), rows[f"{name}_hi"].to_numpy() - middle]
    axes.errorbar(
        middle, places, xerr=around, fmt="o", color=style.BLUE, markersize=4, capsize=2.5, elinewidth=1.1, label=label
    )
