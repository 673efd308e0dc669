"""Report whether one commit is slower than another, from the result files of airspeed velocity (asv).

Usage: ``python benchmarks/gate.py <base> <head> [factor=...] [results=<folder>] [machine=<name>]``. asv must have
measured both commits with ``--interleave-rounds --record-samples``. The program prints a table with one row per point,
which is a benchmark with one combination of its parameters. The exit code is 0; 1 if something is slower or an
algorithm has changed; 2 if nothing could be compared or a benchmark failed on ``head``. asv's own exit codes do not
distinguish these cases.

Times are judged as follows. Samples are not independent: those of one process resemble each other, and other work on
the machine slows down whole periods of time. Rounds are independent: a round runs one process for each commit, shortly
after each other. The lower quartile of all samples of a commit is compared, because busy periods change it least. The
interval of the ratio comes from a bootstrap over rounds, which draws both commits' samples of a round together. A time
is slower if the ratio exceeds the factor and the whole 95% interval lies above 1. With many points, one may look slower
by chance; therefore `benchmarks.bench` measures again what looks worse before it reports it. ``benchmarks/README.md``
states how often identical code is called slower.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import bootstrap

from adamlab.problems.random_streams import stream
from adamlab.records.asv_results import read_results
from adamlab.rules.symbols import ConfigurationError, Number

RESULTS = Path("results/performance/benchmarks")
FACTOR = 1.05
# Times of whole processes vary more than times of calls in one process, and a tenth of a second is not noticed.
LEAST_FACTORS = {"programs.": 1.15}
CONFIDENCE = 0.95
RESAMPLES = 2000
# Largest allowed ratio of values that are not times. A step count must not change at all.
LIMITS = {"bytes": 1.05, "instructions per parameter": 1.01, "steps": 1.0}
# Benchmarks that are shown but not judged, with the reason.
SHOWN_ONLY = {"beyond_cache.": "follows the neighbours' use of the memory"}
BAD, FAILED = ("slower", "more", "changed"), "failed"
_ORDER = (FAILED, *BAD, "faster", "less", "same", "shown only", "not compared")


@dataclass(frozen=True)
class Interval:
    """A ratio head / base and its 95% interval.

    Attributes
    ----------
    ratio : float
        The value of head over that of base.
    lo, hi : float
        Ends of the interval; equal to `ratio` for a value without samples.
    """

    ratio: float
    lo: float
    hi: float


def compare(rows: pl.DataFrame, base: str, head: str, factor: float = FACTOR) -> pl.DataFrame:
    """Compare two commits point by point.

    Parameters
    ----------
    rows : polars.DataFrame
        Results of one machine, as `adamlab.records.asv_results.read_results` returns them.
    base, head : str
        The commits, full or abbreviated hashes.
    factor : float
        The ratio of times above which `head` counts as slower; `LEAST_FACTORS` may raise it.

    Returns
    -------
    polars.DataFrame
        One row per point, worst verdict first: benchmark, point, unit, base, head, ratio, lo, hi, verdict.
    """
    keys = ["benchmark", "point", "unit"]
    same = ["machine", "environment", *keys]
    sides = [rows.filter(pl.col("commit").str.starts_with(commit)).drop("commit", "date") for commit in (base, head)]
    both = sides[0].join(sides[1], on=same, how="full", suffix="_head", coalesce=True).sort(same)
    points = list(both.iter_rows(named=True))
    found = [(*(point[key] for key in keys), *_judged(point, factor)) for point in points]
    order = pl.Enum(_ORDER)
    schema = {**dict.fromkeys(keys, pl.String), **dict.fromkeys(("base", "head", "ratio", "lo", "hi"), pl.Float64)}
    table = pl.DataFrame(found, schema={**schema, "verdict": order}, orient="row")
    return table.sort("verdict", "benchmark", "point", maintain_order=True)


def _comparable(point: Mapping[str, Any]) -> bool:
    return bool(point["status"] == point["status_head"] == "measured")


def _judged(point: Mapping[str, Any], factor: float) -> tuple[Any, ...]:
    """Return base, head, ratio, both ends of its interval, and the verdict."""
    if point["status_head"] == FAILED:
        return (point["value"], None, None, None, None, FAILED)
    if not _comparable(point):
        return (point["value"], point["value_head"], None, None, None, "not compared")
    is_time = point["unit"] == "seconds"
    base, head = (
        point["lower_quartile" if is_time else "value"],
        point["lower_quartile_head" if is_time else "value_head"],
    )
    sampled = is_time and _rounds(point, "") is not None and _rounds(point, "_head") is not None
    found = ratio_of_rounds(_rounds(point, ""), _rounds(point, "_head")) if sampled else _plain(base, head)
    least = [lower for name, lower in LEAST_FACTORS.items() if point["benchmark"].startswith(name)]
    verdict = _verdict(point["unit"], found, max([factor, *least]))
    if any(point["benchmark"].startswith(name) for name in SHOWN_ONLY):
        verdict = "shown only"
    elif is_time and not sampled:
        verdict = "not compared"
    return (base, head, found.ratio, found.lo, found.hi, verdict)


def _plain(base: float | None, head: float | None) -> Interval:
    ratio = head / base if base and head is not None else float("nan")
    return Interval(ratio, ratio, ratio)


def _rounds(point: Mapping[str, Any], side: str) -> Any:
    """Return one side's samples, one row per round; None if there are none or rounds differ in length."""
    samples, rounds = point["samples" + side], point["rounds" + side]
    if samples is None or len(samples) % rounds or not samples:
        return None
    return np.array(samples).reshape(rounds, -1)


def ratio_of_rounds(base: NDArray[np.float64], head: NDArray[np.float64]) -> Interval:
    """Return the ratio of two lower quartiles with its bootstrap interval over rounds.

    Parameters
    ----------
    base, head : ndarray
        Samples in seconds, of shape (rounds, samples).

    Returns
    -------
    Interval
        From 0 to infinity if there is only one round.
    """

    def ratio(places: NDArray[np.int64], axis: int = -1) -> Any:  # noqa: ARG001 -- scipy names it
        quartiles = [np.quantile(side[places].reshape(*places.shape[:-1], -1), 0.25, axis=-1) for side in (head, base)]
        return quartiles[0] / quartiles[1]

    places = np.arange(min(len(base), len(head)))
    found = float(ratio(places))
    if places.size < 2:
        return Interval(found, 0.0, float("inf"))
    drawn = bootstrap(
        (places,), ratio, vectorized=True, method="percentile", n_resamples=RESAMPLES, batch=1000,
        confidence_level=CONFIDENCE, rng=stream(0, "rounds"),
    ).confidence_interval  # fmt: skip
    return Interval(found, float(drawn.low), float(drawn.high))


def _verdict(unit: str, found: Interval, factor: float) -> str:
    if unit == "seconds":
        if found.ratio > factor and found.lo > 1:
            return "slower"
        return "faster" if found.ratio < 1 / factor and found.hi < 1 else "same"
    limit = LIMITS.get(unit, factor)
    if unit == "steps":
        return "same" if found.ratio == 1 else "changed"
    return "more" if found.ratio > limit else "less" if found.ratio < 1 / limit else "same"


def exit_code(table: pl.DataFrame) -> int:
    """Return the exit code for a table of verdicts.

    Parameters
    ----------
    table : polars.DataFrame
        The result of `compare`.

    Returns
    -------
    int
        0 if nothing is worse; 1 if something is; 2 if a benchmark failed or nothing could be compared.
    """
    verdicts = set(table["verdict"])
    if FAILED in verdicts or not verdicts - {"not compared", "shown only"}:
        return 2
    return 1 if verdicts & set(BAD) else 0


def shown(table: pl.DataFrame) -> str:
    """Return a table of `compare` as text, worst verdict first, followed by a summary line."""
    lines = [("benchmark", "base", "head", "ratio", "interval", "verdict")]
    for row in table.iter_rows(named=True):
        name = f"{row['benchmark']}({row['point']})" if row["point"] else row["benchmark"]
        values = (_quantity(row["base"], row["unit"]), _quantity(row["head"], row["unit"]))
        lines.append((name, *values, _number(row["ratio"]), _interval(row), row["verdict"]))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = "\n".join(
        "  ".join(
            cell.ljust(w) if place in (0, 5) else cell.rjust(w)
            for place, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    return f"{text}\n\n{_summary(table)}"


def _summary(table: pl.DataFrame) -> str:
    counted = dict(table.group_by("verdict").len().iter_rows())
    said = ", ".join(f"{counted[verdict]} {verdict}" for verdict in _ORDER if verdict in counted)
    outcome = {
        0: "nothing is slower",
        1: "REGRESSION",
        2: "NO VERDICT: a benchmark failed, or nothing could be compared",
    }
    return f"{outcome[exit_code(table)]} ({said or 'no benchmarks'})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _interval(row: Mapping[str, Any]) -> str:
    return "" if row["lo"] is None or row["lo"] == row["hi"] else f"{row['lo']:.3f} to {row['hi']:.3f}"


def _quantity(value: float | None, unit: str) -> str:
    """Return a value with its unit as text, to four digits."""
    if value is None:
        return ""
    if unit == "seconds":
        scale, name = next((s, n) for s, n in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (0.0, "us")) if value >= s)
        return f"{value / (scale or 1e-6):.4g} {name}"
    return f"{value / 1e6:.4g} MB" if unit == "bytes" else f"{value:.6g}"


def only_machine(rows: pl.DataFrame, machine: str) -> pl.DataFrame:
    """Return the rows of one machine.

    Parameters
    ----------
    rows : polars.DataFrame
        Results of `adamlab.records.asv_results.read_results`.
    machine : str
        The machine's name; may be empty if all rows are of the same machine.

    Raises
    ------
    ConfigurationError
        If no name is given and there are several machines.
    """
    names = rows["machine"].unique().sort().to_list()
    if not machine and len(names) > 1:
        raise ConfigurationError(f"gate: machine must be one of {', '.join(names)}; it is not given")
    return rows.filter(pl.col("machine") == machine) if machine else rows


def main(arguments: list[str]) -> int:
    """Compare the two commits named on the command line and print the verdicts.

    Parameters
    ----------
    arguments : list of str
        The command line without the program's name.

    Returns
    -------
    int
        The result of `exit_code`, or 2 if the arguments are wrong.
    """
    options = {"factor": str(FACTOR), "results": str(RESULTS), "machine": ""}
    commits = [argument for argument in arguments if "=" not in argument]
    try:
        options |= _options(arguments, options)
        if len(commits) != 2:
            raise ConfigurationError(
                f"gate: takes two commits, base and head; it is given {' '.join(commits) or 'none'}"
            )
        factor = checked_factor(options["factor"])
        rows = only_machine(read_results(Path(options["results"])), options["machine"])
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    table = compare(rows, commits[0], commits[1], factor)
    print(shown(table))
    return exit_code(table)


def checked_factor(text: str) -> float:
    """Return a factor given on the command line as a number.

    Parameters
    ----------
    text : str
        The factor as written.

    Raises
    ------
    ConfigurationError
        If it is not a finite number of at least 1.
    """
    try:
        number: object = float(text)
    except ValueError:
        number = text
    return float(Number("", "[1, inf)").check("gate", "factor", number))


def _options(arguments: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    for name in given:
        if name not in known:
            raise ConfigurationError(f"gate: takes {', '.join(f'{key}=...' for key in known)}; it is {name!r}")
    return given


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
