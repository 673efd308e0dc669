"""How often is the same code called different? ``python benchmarks/false_alarms.py <results> [<results again>]``.

Each folder holds asv's results for the same commits, which differ in nothing that runs (``--interleave-rounds
--record-samples``); the second is a measurement made again. Every pair of commits is compared, by the medians, by the
lower quartiles, and as the gate does; and with two folders as ``make bench`` does, where only what looks worse in both
counts. The table goes to where it is read: between the marks in benchmarks/README.md.
"""

import itertools
import re
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

from adamlab.benchmark_results import read_results
from benchmarks.gate import BAD, SHOWN_ONLY, compare

README = Path(__file__).with_name("README.md")
MARKS = "<!-- false alarms: begin -->\n", "<!-- false alarms: end -->"
FACTORS = (1.05, 1.1)
Alarms = set[tuple[str, ...]]
KEYS = ["benchmark", "point"]


def by(column: str) -> Callable[[pl.DataFrame, str, str, float], Alarms]:
    """The rule that a plain ratio of this column decides, in either direction."""

    def alarms(rows: pl.DataFrame, base: str, head: str, factor: float) -> Alarms:
        sides = [rows.filter(pl.col("commit") == commit, pl.col("unit") == "seconds") for commit in (base, head)]
        ratio = pl.col(column + "_head") / pl.col(column)
        worse = sides[0].join(sides[1], on=KEYS, suffix="_head").filter((ratio > factor) | (ratio < 1 / factor))
        return set(worse.select(KEYS).iter_rows())

    return alarms


def by_gate(rows: pl.DataFrame, base: str, head: str, factor: float) -> Alarms:
    """The gate's rule."""
    table = compare(rows, base, head, factor)
    return set(table.filter(pl.col("verdict").is_in(BAD)).select(KEYS).iter_rows())


RULES = {"median": by("value"), "lower quartile": by("lower_quartile"), "gate": by_gate}


def judged(results: Path) -> pl.DataFrame:
    """What the gate would judge by."""
    shown_only = pl.any_horizontal(*(pl.col("benchmark").str.starts_with(name) for name in SHOWN_ONLY))
    return read_results(results).filter(pl.col("status") == "measured", ~shown_only)


def count(folders: list[Path]) -> list[tuple[str, float, int, int, int, int]]:
    """For each rule and factor: accused points of how many, and accused suites (pairs of commits) of how many."""
    measured = [judged(folder) for folder in folders]
    commits = sorted(measured[0]["commit"].unique())
    found = []
    for (name, rule), factor in itertools.product(RULES.items(), FACTORS):
        # A commit is compared with each other one way and the other: which is the base is chance.
        pairs = list(itertools.permutations(commits, 2))
        alarms = [[rule(rows, *pair, factor) for rows in measured] for pair in pairs]
        points = measured[0].select(KEYS).n_unique()
        first = [each[0] for each in alarms]
        found.append((name, factor, sum(map(len, first)), len(pairs) * points, sum(map(bool, first)), len(pairs)))
        if name == "gate" and len(folders) > 1:
            both = [set.intersection(*each) for each in alarms]
            counted = (sum(map(len, both)), len(pairs) * points, sum(map(bool, both)), len(pairs))
            found.append(("gate, measured again", factor, *counted))
    return found


def table(folders: list[Path]) -> str:
    """The counts in Markdown."""
    lines = ["| rule | factor | points accused | suites accused |", "|---|---|---|---|"]
    for name, factor, points, of_points, suites, of_suites in count(folders):
        lines.append(f"| {name} | {factor:g} | {points} of {of_points:,} | {suites} of {of_suites} |")
    rows = judged(folders[0])
    machine, commits = rows["machine"][0], rows["commit"].n_unique()
    return "\n".join([*lines, "", f"{commits} commits on the machine `{machine}`, measured {len(folders)} times."])


def main(arguments: list[str]) -> int:
    """Measure from the given folders and put the table into the README; returns the exit code."""
    made = table([Path(argument) for argument in arguments])
    begin, end = (re.escape(mark) for mark in MARKS)
    text = README.read_text(encoding="utf-8")
    README.write_text(re.sub(f"(?<={begin}).*(?={end})", lambda _: f"\n{made}\n\n", text, flags=re.DOTALL), "utf-8")
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
