"""The speed of adamlab at each commit that airspeed velocity has measured."""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import style
from reports.missing_records import MissingRecords

STUDY = "performance"
KIND: Kind = "benchmarks"
COMMAND = "make bench"
TITLE = "How fast was each commit?"
QUESTION = (
    "Everything that is tracked across commits, as airspeed velocity measured it on one machine: times (lower "
    "quartiles), memory, steps to tolerance, and instructions. The figure shows each relative to its first commit."
)
VALGRIND = "valgrind's view of the processor: no AVX-512, and a division counts as one instruction"
# The panels, and the benchmarks in each by the start of their names.
PANELS = {
    "Time per step, numba": ("steps.Numba.",),
    "Time per step, numpy": ("steps.NumPy.",),
    "Time per step, python": ("steps.Python.",),
    "Time per step, state larger than the cache": ("beyond_cache.",),
    "Many runs and records": ("many.", "records."),
    "Programs": ("programs.",),
    "Steps to tolerance": ("convergence.",),
    "Instructions per parameter": ("instructions.",),
}
_COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.ORANGE, style.PURPLE, style.SKY, style.BROWN, style.INK)
_DASHES = ("-", "--", ":", "-.")


def history(study: Study) -> pl.DataFrame:
    """Return the results of the machine and environment with most commits, in readable units.

    Parameters
    ----------
    study : Study
        The records to read.

    Returns
    -------
    polars.DataFrame
        The rows of `adamlab.records.asv_results.read_results` with two more columns: ``amount``, and ``quantity``, its
        unit.

    Raises
    ------
    MissingRecords
        If nothing was measured.
    """
    rows = study.benchmarks.filter(pl.col("status") == "measured")
    if rows.is_empty():
        raise MissingRecords("nothing was measured")
    where = ["machine", "environment"]
    most = rows.group_by(where).agg(pl.col("commit").n_unique()).sort("commit", *where).tail(1)
    rows = rows.join(most, on=where, how="semi", maintain_order="left")
    amounts = [_readable(row) for row in rows.iter_rows(named=True)]
    named = pl.DataFrame(amounts, schema={"quantity": pl.String, "amount": pl.Float64}, orient="row")
    return rows.hstack(named)


def _readable(row: Mapping[str, Any]) -> tuple[str, float]:
    """Return the unit and the value of a result; the time of many steps or runs is divided by their number."""
    sizes = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", row["point"])}
    if row["unit"] == "bytes":
        return "MB", row["value"] / 1e6
    if row["unit"] != "seconds":
        return row["unit"], row["value"]
    seconds = row["value"] if row["lower_quartile"] is None else row["lower_quartile"]
    if "steps" in sizes:
        each = "ns per run and step" if "runs" in sizes else "ns per step"
        return each, 1e9 * seconds / (sizes["steps"] * sizes.get("runs", 1))
    if row["benchmark"].endswith("time_multirun"):
        return "runs per second", sizes["runs"] / seconds
    return "ms", 1e3 * seconds


def table(study: Study) -> pl.DataFrame:
    """Return a row per point of each benchmark: its value at its first and last commit, and their ratio."""
    key = ["benchmark", "point", "quantity"]
    ends = history(study).group_by(key, maintain_order=True)
    amounts = ends.agg(
        pl.col("commit").n_unique().alias("commits"),
        pl.col("amount").first().alias("first"),
        pl.col("amount").last().alias("last"),
    )
    return amounts.with_columns((pl.col("last") / pl.col("first")).alias("ratio")).sort(key)


def answer(study: Study) -> str:
    """Return the answer in one or two sentences, computed from the table."""
    wanders = pl.col("benchmark").str.starts_with("beyond_cache.")
    rows, ends = history(study), table(study).filter(pl.col("commits") > 1, ~wanders)
    commits = rows.unique("commit", keep="first", maintain_order=True)["commit"].to_list()
    text = (
        f"{rows.select('benchmark', 'point').n_unique()} points at {len(commits)} commits "
        f"({commits[0][:8]} to {commits[-1][:8]}) on the machine {rows['machine'][0]}."
    )
    if ends.is_empty():
        return f"{text} One commit has no history yet."
    least, most = ends.sort("ratio").row(0, named=True), ends.sort("ratio").row(-1, named=True)
    extremes = [
        f"{row['benchmark'].rpartition('.')[0]} ({row['point']}) at {row['ratio']:.2f}" for row in (least, most)
    ]
    return (
        f"{text} Of what fits into the cache, the last commit's ratio to the first is least for {extremes[0]} and "
        f"greatest for {extremes[1]}."
    )


def figure(study: Study) -> Figure:
    """Draw each point relative to its first commit, over the commits, one panel per group of benchmarks."""
    rows = history(study)
    commits = rows.unique("commit", keep="first", maintain_order=True)["commit"].to_list()
    panels = {title: rows.filter(_named(starts)) for title, starts in PANELS.items()}
    panels = {title: chosen for title, chosen in panels.items() if chosen.height}
    lines = {title: chosen.select("benchmark", "point").unique().height for title, chosen in panels.items()}
    drawn, axes = style.panels([2.3 + 0.09 * count for count in lines.values()])
    for place, (title, chosen) in zip(axes, panels.items(), strict=True):
        _draw(place, title, chosen, commits)
    return drawn


def _named(starts: tuple[str, ...]) -> pl.Expr:
    return pl.any_horizontal(*(pl.col("benchmark").str.starts_with(start) for start in starts))


def _draw(axes: Axes, title: str, rows: pl.DataFrame, commits: list[str]) -> None:
    key = ["benchmark", "point"]
    names = {place: _name(*place) for place in rows.select(key).unique().sort(key).iter_rows()}
    leading = list(dict.fromkeys(first for first, _ in names.values()))
    others = list(dict.fromkeys(rest for _, rest in names.values()))
    for place, (first, rest) in names.items():
        line = rows.filter(pl.col("benchmark") == place[0], pl.col("point") == place[1])
        amounts = line["amount"].to_numpy()
        axes.plot(
            [commits.index(commit) for commit in line["commit"]],
            amounts / amounts[0],
            _DASHES[others.index(rest) % len(_DASHES)],
            marker=".",
            color=_COLOURS[leading.index(first) % len(_COLOURS)],
            linewidth=1.1,
            markersize=4,
            label=f"{first}, {rest}" if rest else first,
        )
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.9), max(high, 1.1))
    axes.axhline(1.0, color=style.QUIET, linewidth=0.7)
    axes.set_ylabel("times the first commit's")
    note = VALGRIND if title.startswith("Instructions") else ""
    axes.set_title(title, pad=17 if note else 6)
    axes.annotate(note, (0, 1), xytext=(0, 5), textcoords="offset points", xycoords="axes fraction", **_NOTE)
    apart = max(1, len(commits) // 12)
    shown = range(0, len(commits), apart)
    axes.set_xticks(shown, [commits[place][:7] for place in shown], rotation=60, fontsize=7)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3), ncols=2, fontsize=7)


_NOTE: dict[str, Any] = {"fontsize": 7, "color": style.QUIET}


def _name(benchmark: str, point: str) -> tuple[str, str]:
    """Return a line's name in two parts: the first selects the colour, the second the dashes."""
    what = re.sub(r" (steps|runs)=\d+", "", point)
    first, _, rest = what.partition(", ")
    if benchmark.startswith(("steps.", "beyond_cache.")):
        return first, f"{rest}, {benchmark.split('.')[1].lower()}" if benchmark.startswith("beyond") else rest
    if benchmark.startswith(("convergence.", "instructions.")):
        return first, rest
    _, group, function = benchmark.split(".")
    action = function.partition("_")[2].replace("_", " ")
    return group if action == group.lower() else f"{group}: {action}", "" if re.fullmatch(r"|runs=\d+", point) else what
