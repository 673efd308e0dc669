"""The cost of an update when many runs go at once, in one or more dimensions."""

import polars as pl
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import cost, style
from reports.missing_records import MissingRecords

STUDY = "many_runs"
KIND: Kind = "timings"
COMMAND = "python experiments/cost.py +study=many_runs"
TITLE = "What does an update cost when many runs go at once?"
QUESTION = (
    "Runs side by side in the lanes of vectors, each with a learning rate, beta1 and beta2 of its own, from the batch "
    "to the frames of their outcomes. An update is that of one coordinate of one run; its floor is divisions and roots "
    "over their throughput, among them those of the bias corrections, which every run needs for itself."
)
_COLOURS = {"adam": (style.BLUE, "o"), "adam_reordered": (style.VERMILION, "s")}


def table(study: Study) -> pl.DataFrame:
    """Return a row per form, number of threads and dimension: nanoseconds per update, and seconds in all."""
    rows = study.timings
    if rows.is_empty() or "runs" not in rows.columns:
        raise MissingRecords("no timing of many runs at once is recorded")
    rows = rows.filter(pl.col("runs") > 1, pl.col("optimizer").is_in(cost.FORMS), pl.col("left_out").is_null())
    if rows.is_empty():
        raise MissingRecords("no timing of many runs at once is recorded")
    rows = rows.filter(pl.col("measurement") == rows["measurement"][-1])
    per_update = [
        (pl.col(f"ns_per_step{end}") / pl.col("dim")).alias(f"ns_per_update{end}") for end in ("", "_lo", "_hi")
    ]
    return rows.select(
        "optimizer",
        "threads",
        "dim",
        "runs",
        (pl.col("steps") // pl.col("runs")).alias("steps of each"),
        (pl.col("ns_per_step") * pl.col("steps") * 1e-9).alias("seconds in all"),
        *per_update,
        (pl.col("floor_ns_per_step") / pl.col("dim")).alias("floor"),
        (pl.col("ns_per_step") / pl.col("floor_ns_per_step")).alias("times_floor"),
    ).sort("optimizer", "threads", "dim")


def answer(study: Study) -> str:
    """Return the answer in a few sentences, computed from the table."""
    rows = table(study)
    said = []
    for (optimizer,), own in rows.filter(pl.col("threads") == rows["threads"].to_numpy().max()).group_by(
        "optimizer", maintain_order=True
    ):
        few, dearest = own.row(0, named=True), own.sort("ns_per_update").row(-1, named=True)
        said.append(
            f"{cost.FORMS[str(optimizer)]}, {few['runs']:,} runs of {few['steps of each']:,} steps in {few['dim']} "
            f"dimension{'s' if few['dim'] > 1 else ''} take {few['seconds in all']:.2f} s with {few['threads']} "
            f"threads, {few['ns_per_update']:.2f} ns an update; the dearest dimension, {dearest['dim']}, takes "
            f"{dearest['ns_per_update'] / few['ns_per_update']:.2f} times as much."
        )
    return " ".join(said)


def figure(study: Study) -> Figure:
    """Draw nanoseconds per update against dimension, with intervals and floors, one panel per number of threads."""
    rows = table(study)
    threads = rows["threads"].unique().sort().to_list()
    drawn, panels = style.panels([2.6] * len(threads))
    for axes, number in zip(panels, threads, strict=True):
        for optimizer, (colour, marker) in _COLOURS.items():
            line = rows.filter(pl.col("threads") == number, pl.col("optimizer") == optimizer)
            if line.is_empty():
                continue
            cost.draw_line(axes, line, "ns_per_update", colour, marker)
            axes.plot([], [], color=colour, marker=marker, markersize=3.5, label=cost.FORMS[optimizer].lower())
            axes.plot(line["dim"].to_numpy(), line["floor"].to_numpy(), ":", color=colour, linewidth=1.2)
        axes.set(
            xscale="log",
            title=f"{number} thread{'s' if number > 1 else ''}",
            ylabel="ns an update",
        )
        dims = rows["dim"].unique().sort().to_list()
        axes.set_xticks(dims, [str(dim) for dim in dims])
        axes.xaxis.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower left", fontsize=8, title="floors are dotted", title_fontsize=8)
    panels[-1].set_xlabel("dimension of each run")
    return drawn
