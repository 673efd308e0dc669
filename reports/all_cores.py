"""The cost of a step too large for the caches, with one and several threads, beside torch and the memory bandwidth."""

import polars as pl
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import style
from reports.missing_records import MissingRecords

STUDY = "all_cores"
KIND: Kind = "timings"
COMMAND = "python experiments/cost.py +study=all_cores"
TITLE = "What do more threads bring to a step of twenty million coordinates?"
QUESTION = (
    "Nanoseconds a coordinate on the sphere, with one thread and with more, beside torch with as many. The floor is "
    "the largest of divisions and roots over their throughput, of additions over theirs, and of the numbers to be "
    "moved over the bandwidth that as many threads have."
)


def table(study: Study) -> pl.DataFrame:
    """Return a row per case: nanoseconds per coordinate, multiple of the floor, and adamlab's time over it."""
    rows = study.timings
    if rows.is_empty() or "threads" not in rows.columns:
        raise MissingRecords("no timing with several threads is recorded")
    rows = rows.filter(pl.col("runs") == 1, pl.col("left_out").is_null())
    several = rows.filter(pl.col("threads") > 1)
    if several.is_empty():
        raise MissingRecords("no timing with several threads is recorded")
    rows = rows.filter(pl.col("measurement") == several["measurement"][-1])
    case = ["optimizer", "dtype", "dim", "threads"]
    ends = ("", "_lo", "_hi")
    own = rows.filter(pl.col("implementation") == "adamlab").select(
        *case, *(pl.col(f"ns_per_step{end}").alias(f"own{end}") for end in ends)
    )
    return (
        rows.join(own, on=case)
        .select(
            *case,
            "implementation",
            *((pl.col(f"ns_per_step{end}") / pl.col("dim")).alias(f"ns_per_coordinate{end}") for end in ends),
            (pl.col("ns_per_step") / pl.col("floor_ns_per_step")).alias("times_floor"),
            (pl.col("own") / pl.col("ns_per_step")).alias("ours over it"),
            (pl.col("own_lo") / pl.col("ns_per_step_hi")).alias("from"),
            (pl.col("own_hi") / pl.col("ns_per_step_lo")).alias("to"),
        )
        .sort(
            "optimizer", "dtype", "dim", "threads", "ns_per_coordinate", descending=[False, True, False, False, False]
        )
    )


def answer(study: Study) -> str:
    """Return the answer in a few sentences, computed from the table."""
    rows = table(study)
    said = []
    for row in rows.filter(pl.col("optimizer") == "adam", pl.col("implementation") == "adamlab").iter_rows(named=True):
        fused = rows.filter(
            pl.col("implementation") == "torch-fused",
            *(pl.col(name) == row[name] for name in ("optimizer", "dtype", "dim", "threads")),
        )
        beside = f" and {fused['ours over it'][0]:.2f} times torch-fused" if fused.height else ""
        said.append(
            f"{row['dtype']}, {row['threads']} thread{'s' if row['threads'] > 1 else ''}: "
            f"{row['ns_per_coordinate']:.2f} ns a coordinate, {row['times_floor']:.2f} times the floor{beside}"
        )
    return f"The numba backend on Adam as printed, {'; '.join(said)}." if said else "Adam as printed is not among them."


def figure(study: Study) -> Figure:
    """Draw nanoseconds per coordinate of the numba backend and of torch's fused kernel, one panel per dtype."""
    rows = table(study).filter(pl.col("implementation").is_in(["adamlab", "torch-fused"]))
    dtypes = rows["dtype"].unique(maintain_order=True).to_list()
    drawn, panels = style.panels([0.9 + 0.27 * rows.filter(pl.col("dtype") == dtype).height for dtype in dtypes])
    for axes, dtype in zip(panels, dtypes, strict=True):
        chosen = rows.filter(pl.col("dtype") == dtype).reverse()
        middle = chosen["ns_per_coordinate"].to_numpy()
        around = [
            middle - chosen["ns_per_coordinate_lo"].to_numpy(),
            chosen["ns_per_coordinate_hi"].to_numpy() - middle,
        ]
        colours = [style.BLUE if name == "adamlab" else style.VERMILION for name in chosen["implementation"]]
        axes.barh(range(chosen.height), middle, xerr=around, color=colours, height=0.6, capsize=2)
        floors = middle / chosen["times_floor"].to_numpy()
        axes.plot(floors, range(chosen.height), "|", color=style.INK, markersize=11, markeredgewidth=1.6)
        names = chosen.select(pl.format("{}, {}, {} threads", "implementation", "optimizer", "threads")).to_series()
        axes.set_yticks(range(chosen.height), [name.replace(" 1 threads", " 1 thread") for name in names], fontsize=8)
        axes.set_title(dtype)
        axes.grid(axis="y", visible=False)
    panels[-1].set_xlabel("ns a coordinate (strokes: floors)")
    return drawn
