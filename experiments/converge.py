"""Run optimizers on objectives and record the results: one run, or a sweep of runs with ``-m``."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from adamlab.records.provenance import provenance
from adamlab.records.reading import folder, scan_files
from adamlab.rules.symbols import ConfigurationError
from experiments.sweeping.command import Command
from experiments.sweeping.dry_run import describe
from experiments.sweeping.families import Family, Piece
from experiments.sweeping.progress import Progress
from experiments.sweeping.remaining import Place, known_files, remaining
from experiments.sweeping.report import FEW, Report
from experiments.sweeping.results import Destination, SweepResult
from experiments.sweeping.sweep import Sweep

PROGRAM = "converge"


def run_all(sweep: Sweep) -> SweepResult:
    """Execute all runs of a sweep that are not recorded yet.

    Parameters
    ----------
    sweep : Sweep
        The runs.

    Returns
    -------
    SweepResult
        For ``dry_run=true``, a result without failures or records.

    Raises
    ------
    ConfigurationError
        For an invalid configuration, before any run; at the end, if a worker of a cluster has refused its chunk.
    """
    executor = importlib.import_module(f"experiments.sweeping.executors.{sweep.executor}").Executor(
        sweep.settings or {}
    )
    families = sweep.families
    resume, dry_run = (_same_for_all(families, name) for name in ("resume", "dry_run"))
    known = known_files(families)
    left = remaining(families, known, resume)
    if dry_run:
        describe(sweep, left, executor.plan)
        return SweepResult(0)
    runs = sum(family.size for family in families)
    few = runs <= FEW or sweep.each
    report = Report(runs, _recorded(families, left, known) if few else None)
    origin = provenance()
    with Progress(sum(piece.size for piece in left), quiet=few) as progress:
        for place, paths in known.items():
            here = [piece for piece in left if piece.family.place == place]
            if here:
                destination = Destination(*place, origin, paths, again=not resume)
                with destination.writer() as writer:
                    for done in executor.execute(here, destination):
                        if done.rows is not None and not done.recorded:
                            writer.add(done.rows, done.trace)
                        progress.advance(done.runs, done.statuses.get("failed", 0))
                        report.take(done)
            ran = sum(piece.size for piece in here)
            before = sum(family.size for family in families if family.place == place) - ran
            report.say(f"{ran:,} run, {before:,} recorded before; records in {folder(*place, 'runs')}")
    report.close()
    return report.outcome


def _same_for_all(families: Sequence[Family], name: str) -> bool:
    """Return the value of a flag that must be the same for all runs of a sweep."""
    values = {getattr(family.configuration, name) for family in families}
    if len(values) > 1:
        raise ConfigurationError(f"{PROGRAM}: {name} must be the same for all jobs of a sweep")
    return bool(values.pop())


def _recorded(
    families: Sequence[Family], left: Sequence[Piece], known: Mapping[Place, Sequence[Path]]
) -> list[Mapping[str, Any]]:
    """Return the records of the runs that are not executed again."""
    doing = {run_id for piece in left for run_id in piece.run_ids}
    rows: dict[str, Mapping[str, Any]] = {}
    for place, paths in known.items():
        ids = [run_id for family in families if family.place == place for run_id in family.run_ids]
        wanted = [run_id for run_id in ids if run_id not in doing]
        if wanted:
            frame = scan_files(paths).filter(pl.col("run_id").is_in(wanted), pl.col("status") != "failed").collect()
            rows |= {row["run_id"]: row for row in frame.iter_rows(named=True)}
    return list(rows.values())


if __name__ == "__main__":
    sys.exit(Command(PROGRAM, run_all)())
