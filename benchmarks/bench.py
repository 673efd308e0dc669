"""Measure this commit against another one and report whether it is slower.

Usage: ``python benchmarks/bench.py [base] [factor=...]``. ``base`` is main, or main~1 if this commit is main. asv
measures both commits in interleaved rounds, and `benchmarks.gate` judges them. Points that look worse are measured a
second time, on their own, and judged by the second measurement alone, because noise seldom slows the same point twice.
The program ends with the gate's exit code. Uncommitted changes are not measured.
"""

import re
import subprocess
import sys
from pathlib import Path

import polars as pl

from adamlab.records.asv_results import read_results
from adamlab.rules.symbols import ConfigurationError
from benchmarks.gate import BAD, FACTOR, RESULTS, checked_factor, compare, exit_code, only_machine, shown

ROOT = Path(__file__).resolve().parents[1]
ASV = [sys.executable, "-m", "asv"]


def main(arguments: list[str]) -> int:
    """Measure and judge two commits, and print the verdicts.

    Parameters
    ----------
    arguments : list of str
        The command line without the program's name.

    Returns
    -------
    int
        The gate's exit code, or 2 if the arguments are wrong or asv cannot measure.
    """
    named = [argument for argument in arguments if "=" not in argument]
    options = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    try:
        if len(named) > 1 or set(options) - {"factor"}:
            raise ConfigurationError(f"bench: takes one commit and factor=...; it is {' '.join(arguments)!r}")
        factor = checked_factor(options.get("factor", str(FACTOR)))
        base, head = commits(named[0] if named else "main")
        table = judged(base, head, factor)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"\nbase {base[:12]}, head {head[:12]}\n\n{shown(table)}")
    return exit_code(table)


def commits(base: str) -> tuple[str, str]:
    """Return the full hashes of the base and of this commit; warn if there are uncommitted changes.

    Parameters
    ----------
    base : str
        A name of the base commit. If it is this commit, its parent becomes the base.

    Returns
    -------
    tuple of str
        The hashes of base and head.

    Raises
    ------
    ConfigurationError
        If there is no such commit here.
    """
    head = _commit("HEAD")
    found = _commit(base)
    if _git("status", "--porcelain", "--untracked-files=no"):
        print("bench: there are changes that are not committed; they are not measured", file=sys.stderr)
    return (_commit(f"{base}~1") if found == head else found), head


def _commit(name: str) -> str:
    found = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if not found:
        raise ConfigurationError(f"bench: there is no commit {name} here (a shallow clone lacks what came before)")
    return found


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def judged(base: str, head: str, factor: float) -> pl.DataFrame:
    """Measure two commits, measure again what looks worse, and return the gate's table.

    Parameters
    ----------
    base, head : str
        Full hashes of the commits.
    factor : float
        The ratio of times above which `head` counts as slower.

    Returns
    -------
    polars.DataFrame
        The table of `benchmarks.gate.compare`; points that looked worse have the verdict of the second measurement.
    """
    measure(base, head)
    table = compare(_rows(), base, head, factor)
    worse = table.filter(pl.col("verdict").is_in(BAD))
    if worse.is_empty():
        return table
    print(f"\n{shown(table)}\n\nbench: measuring again what looks worse ({worse.height} points)", flush=True)
    measure(base, head, [expression(*row) for row in worse.select("benchmark", "point").iter_rows()])
    keys = ["benchmark", "point"]
    again = compare(_rows().join(worse, on=keys, how="semi"), base, head, factor)
    return pl.concat([table.join(worse, on=keys, how="anti"), again]).sort("verdict", *keys)


def measure(base: str, head: str, only: list[str] | None = None) -> None:
    """Run asv on both commits in interleaved rounds and store the samples.

    Parameters
    ----------
    base, head : str
        Full hashes of the commits.
    only : list of str, optional
        Regular expressions for asv's ``--bench``; without them all benchmarks are measured.

    Raises
    ------
    ConfigurationError
        If asv cannot measure. A benchmark that fails does not raise: the gate reports it.
    """
    known = Path.home() / ".asv-machine.json"
    if not known.exists():
        subprocess.run([*ASV, "machine", "--yes"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    chosen = [part for name in only or [] for part in ("--bench", name)]
    line = [*ASV, "run", "--interleave-rounds", "--record-samples", *chosen, "HASHFILE:-"]
    done = subprocess.run(line, cwd=ROOT, input=f"{head}\n{base}\n", text=True, check=False)
    if done.returncode not in (0, 2):
        raise ConfigurationError(f"bench: asv could not measure; it ended with {done.returncode}")


def expression(benchmark: str, point: str) -> str:
    """Return the regular expression for asv's ``--bench`` that matches one point only.

    Parameters
    ----------
    benchmark : str
        The benchmark's name.
    point : str
        Its parameter values, joined by ``", "``; empty for a benchmark without parameters.
    """
    if not point:
        return f"^{re.escape(benchmark)}$"
    return f"^{re.escape(benchmark)}\\({', '.join(f'.?{re.escape(value)}.?' for value in point.split(', '))}\\)$"


def _rows() -> pl.DataFrame:
    return only_machine(read_results(ROOT / RESULTS), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
