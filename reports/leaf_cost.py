"""The time of a step of every elementwise method, as a multiple of the method's own floor."""

import polars as pl
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import style
from reports.missing_records import MissingRecords

STUDY = "leaf_cost"
KIND: Kind = "timings"
COMMAND = "python experiments/cost.py +study=leaf_cost"
TITLE = "How near to its own floor is each method?"
QUESTION = (
    "Every method that works coordinate by coordinate, on the sphere on the numba backend, with its arrays in the "
    "cache. Its floor is the largest of its divisions and roots over their throughput, its additions (the stopping "
    "test's too) over theirs, and the numbers it must move over the bandwidth, all measured in the same rounds; "
    "multiplications, comparisons and choices are not in it. A method that divides by numbers of the step can go "
    "below: the lab multiplies by inverses, with the same bits."
)
BOUND = {
    "floor_arithmetic": "division, root",
    "floor_addition": "addition",
    "floor_movement": "memory",
    "floor_latency": "latency",
}


def table(study: Study) -> pl.DataFrame:
    """Return a row per method: time per step, floor, what bounds the floor, and their ratio."""
    rows = study.timings
    if rows.is_empty() or "acts_on" not in rows.columns:
        raise MissingRecords("no timing of a method beside its floor is recorded")
    rows = rows.filter(
        pl.col("acts_on") == "coordinate",
        pl.col("backend") == "numba",
        pl.col("implementation") == "adamlab",
        pl.col("left_out").is_null(),
    )
    if rows.is_empty():
        raise MissingRecords("no timing of a method on the numba backend is recorded")
    rows = rows.filter(pl.col("measurement") == rows["measurement"][-1])
    floor = pl.col("floor_ns_per_step")
    # Older records have no floor for additions.
    bounds = {name: meaning for name, meaning in BOUND.items() if name in rows.columns}
    binding = pl.coalesce(pl.when(pl.col(name) == floor).then(pl.lit(meaning)) for name, meaning in bounds.items())
    return rows.select(
        "optimizer",
        "dim",
        "dtype",
        "ns_per_step",
        "ns_per_step_lo",
        "ns_per_step_hi",
        "floor_ns_per_step",
        binding.alias("bound by"),
        *((pl.col(f"ns_per_step{end}") / floor).alias(f"times_floor{end}") for end in ("", "_lo", "_hi")),
    ).sort("times_floor", "optimizer")


def answer(study: Study) -> str:
    """Return the answer in one or two sentences, computed from the table."""
    rows = table(study)
    times = rows["times_floor"].to_numpy()
    near = 1.3
    far = rows.filter(pl.col("times_floor") > near)
    text = (
        f"{rows.height - far.height} of {rows.height} methods take at most {near} times their floor; the median takes "
        f"{sorted(times)[len(times) // 2]:.2f} times."
    )
    if far.is_empty():
        return text
    names = ", ".join(f"{row['optimizer']} {row['times_floor']:.2f}" for row in far.iter_rows(named=True))
    return f"{text} Farther from it are {names}."


def figure(study: Study) -> Figure:
    """Draw the ratio to the floor with intervals, one row per method."""
    rows = table(study).sort("times_floor", descending=True)
    drawn, (axes,) = style.panels([1.1 + 0.185 * rows.height])
    for bound, colour in zip(BOUND.values(), (style.BLUE, style.PURPLE, style.VERMILION, style.GREEN), strict=True):
        chosen = rows.with_row_index().filter(pl.col("bound by") == bound)
        if chosen.is_empty():
            continue
        middle = chosen["times_floor"].to_numpy()
        around = [middle - chosen["times_floor_lo"].to_numpy(), chosen["times_floor_hi"].to_numpy() - middle]
        axes.errorbar(
            middle,
            chosen["index"].to_numpy(),
            xerr=around,
            fmt="o",
            color=colour,
            markersize=4,
            capsize=2.5,
            elinewidth=1.1,
            label=f"bound by {bound}",
        )
    axes.axvline(1, color=style.INK, linewidth=1.4)
    axes.set_yticks(range(rows.height), rows["optimizer"].to_list(), fontsize=7.5)
    axes.set(ylim=(-0.8, rows.height - 0.2), xlabel="times its floor: median, 95% interval")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="upper right", fontsize=8)
    return drawn
