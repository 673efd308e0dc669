"""Run optimizers on objectives and record what came of it: one run, or with ``-m`` a sweep of runs."""

import sys
import traceback
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from adamlab.minimize import minimize
from adamlab.provenance import provenance
from adamlab.record import RunWriter, finished_runs, folder
from experiments.command import Command
from experiments.configuration import Configuration, resolve

PROGRAM = "converge"


def run_all(jobs: list[DictConfig]) -> int:
    """Run every configuration that is not recorded yet, and print them all; returns how many failed."""
    configurations = [resolve(job, PROGRAM) for job in jobs]
    failed = 0
    for place, runs in _by_place(configurations).items():
        recorded = finished_runs(*place)
        with RunWriter(*place, provenance()) as writer:
            for identity, configuration in runs.items():
                row = recorded.get(identity)
                if row is None:
                    row, trace = _run(configuration)
                    writer.add(row, trace)
                    failed += row["status"] == "failed"
                print(_line(row) + (" (recorded before)" if identity in recorded else ""), flush=True)
        known = sum(identity in recorded for identity in runs)
        print(f"{len(runs) - known} run, {known} recorded before; records in {folder(*place, 'runs')}")
    return failed


def _by_place(configurations: list[Configuration]) -> dict[tuple[Path, str], dict[str, Configuration]]:
    """The configurations by run_id, for each results folder and study: a sweep may fill several."""
    places: dict[tuple[Path, str], dict[str, Configuration]] = {}
    for configuration in configurations:
        runs = places.setdefault((configuration.results, configuration.study), {})
        runs[configuration.run_id] = configuration
    return places


def _run(configuration: Configuration) -> tuple[dict[str, Any], Any]:
    """One run as a row of the records, and its trace. A run that raises is a row too."""
    row: dict[str, Any] = {
        "run_id": configuration.run_id,
        "algorithms": configuration.algorithms,
        **configuration.keys,
    }
    try:
        result = minimize(
            configuration.objective,
            configuration.optimizer,
            n_steps=configuration.n_steps,
            tol=configuration.stopping.tol,
            grad_tol=configuration.stopping.grad_tol,
            loss_target=configuration.stopping.loss_target,
            noise=configuration.noise,
            schedule=configuration.schedule,
            seed=configuration.seed,
            backend=configuration.backend,
            trace=configuration.trace,
            trace_points=configuration.trace_points,
        )
    except Exception as error:
        message = traceback.format_exception_only(error)[-1].strip()
        return row | {"status": "failed", "error": message}, None
    outcome = {
        name: getattr(result, name) for name in ("status", "stopped_by", "steps", "loss", "grad_norm", "seconds")
    }
    return row | outcome, result.trace


def _line(row: dict[str, Any]) -> str:
    rate = f" (lr {row['optimizer.lr']:g})" if "optimizer.lr" in row else ""
    what = f"{row['optimizer']}{rate} on {row['objective']}, dim {row['dim']}, {row['backend']}"
    if row["status"] == "failed":
        return f"{what}: failed: {row['error']}"
    rule = f" ({row['stopped_by']})" if row["stopped_by"] not in (None, "tol") else ""
    return f"{what}: {row['status']}{rule} after {row['steps']} steps, loss {row['loss']:.6g}"


if __name__ == "__main__":
    sys.exit(Command(PROGRAM, run_all)())
