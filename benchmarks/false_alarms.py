"""Count how often the gate, and simpler rules, call identical code different.

Usage: ``python benchmarks/false_alarms.py <results> [<results again>]``. Each folder holds asv's results for the same
commits, which do not differ in any code that runs; measure them with ``--interleave-rounds --record-samples``. The
second folder holds a repeated measurement. Every pair of commits is compared by medians, by lower quartiles, and by the
gate. With two folders the gate is also applied as ``make bench`` applies it: a point counts only if it looks worse in
both measurements. The table is written between the two marks in benchmarks/README.md.
"""

import itertools
import re
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

from adamlab.records.asv_results import read_results
from benchmarks.gate import BAD, FACTOR, SHOWN_ONLY, compare

README = Path(__file__).with_name("README.md")
MARKS = "<!-- false alarms: begin -->\n", "<!-- false alarms: end -->"
FACTORS = (FACTOR, 1.1)
Alarms = set[tuple[str, ...]]
KEYS = ["benchmark", "point"]


def by(column: str) -> Callable[[pl.DataFrame, str, str, float], Alarms]:
    """Return the rule that compares the ratio of one column with the factor, in either direction.

    Parameters
    ----------
    column : str
        ``"value"`` (the median) or ``"lower_quartile"``.

    Returns
    -------
    callable
        ``alarms(rows, base, head, factor)``, which returns the set of (benchmark, point) that it calls different.
    """

    def alarms(rows: pl.DataFrame, base: str, head: str, factor: float) -> Alarms:
        sides = [rows.filter(pl.col("commit") == commit, pl.col("unit") == "seconds") for commit in (base, head)]
        ratio = pl.col(column + "_head") / pl.col(column)
        worse = sides[0].join(sides[1], on=KEYS, suffix="_head").filter((ratio > factor) | (ratio < 1 / factor))
        return set(worse.select(KEYS).iter_rows())

    return alarms


def by_gate(rows: pl.DataFrame, base: str, head: str, factor: float) -> Alarms:
    """Return the set of (benchmark, point) that the gate calls worse."""
    table = compare(rows, base, head, factor)
    return set(table.filter(pl.col("verdict").is_in(BAD)).select(KEYS).iter_rows())


RULES = {"median": by("value"), "lower quartile": by("lower_quartile"), "gate": by_gate}


def judged(results: Path) -> pl.DataFrame:
    """Return the results in a folder that the gate judges: what was measured, without what is only shown."""
    shown_only = pl.any_horizontal(*(pl.col("benchmark").str.starts_with(name) for name in SHOWN_ONLY))
    return read_results(results).filter(pl.col("status") == "measured", ~shown_only)


def count(measured: list[pl.DataFrame]) -> pl.DataFrame:
    """Count the points and suites that each rule calls different at each factor.

    Parameters
    ----------
    measured : list of polars.DataFrame
        One frame of `judged` for each measurement of the same commits.

    Returns
    -------
    polars.DataFrame
        The columns rule, factor, measurement (1 or 2, or 0 for what all measurements call different), points and
        of_points, suites and of_suites. A suite is one ordered pair of commits.
    """
    commits = sorted(measured[0]["commit"].unique())
    # Both orders of a pair are compared, because either commit could be the base.
    pairs = list(itertools.permutations(commits, 2))
    points = measured[0].select(KEYS).n_unique()
    found = []
    for (name, rule), factor in itertools.product(RULES.items(), FACTORS):
        alarms = [[rule(rows, *pair, factor) for pair in pairs] for rows in measured]
        both = [set.intersection(*each) for each in zip(*alarms, strict=True)]
        for place, each in enumerate([both, *alarms]):
            counts = (sum(map(len, each)), points * len(pairs), sum(map(bool, each)), len(pairs))
            found.append((name, factor, place, *counts))
    columns = ["rule", "factor", "measurement", "points", "of_points", "suites", "of_suites"]
    return pl.DataFrame(found, schema=columns, orient="row")


def table(folders: list[Path]) -> str:
    """Return the counts as a Markdown table, followed by the probability of a false alarm in a whole suite.

    Parameters
    ----------
    folders : list of Path
        One or two folders of asv results.
    """
    measured = [judged(folder) for folder in folders]
    counted = count(measured)
    once = counted.filter(pl.col("measurement") > 0).group_by("rule", "factor", maintain_order=True).sum()
    again = counted.filter(pl.col("measurement") == 0, pl.col("rule") == "gate").with_columns(
        pl.lit("gate, measured again").alias("rule")
    )
    lines = ["| rule | factor | points accused | suites accused |", "|---|---|---|---|"]
    for row in pl.concat([once, again if len(folders) > 1 else again.clear()]).iter_rows(named=True):
        accused = f"{row['points']:,} of {row['of_points']:,} | {row['suites']} of {row['of_suites']}"
        lines.append(f"| {row['rule']} | {row['factor']:g} | {accused} |")
    machine, commits = measured[0]["machine"][0], measured[0]["commit"].n_unique()
    rate = once.filter(pl.col("rule") == "gate", pl.col("factor") == FACTOR).select(
        pl.col("points") / pl.col("of_points")
    )
    points = measured[0].select(KEYS).n_unique()
    chance = 1 - (1 - rate.item() ** 2) ** points
    said = (
        f"{commits} commits on the machine `{machine}`, measured {len(folders)} times. If the second measurement does "
        f"not depend on the first, `make bench` accuses one of {points} points with a probability of {chance:.1%}."
    )
    return "\n".join([*lines, "", said])


def main(arguments: list[str]) -> int:
    """Write the table for the given folders into the README and print it; return the exit code."""
    made = table([Path(argument) for argument in arguments])
    begin, end = (re.escape(mark) for mark in MARKS)
    text = README.read_text(encoding="utf-8")
    README.write_text(re.sub(f"(?<={begin}).*(?={end})", lambda _: f"\n{made}\n\n", text, flags=re.DOTALL), "utf-8")
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
