"""Measure the time per step of optimizers on backends, beside peers and the machine's floor.

All cases of a sweep are timed together, in turns (see `adamlab.timing`). One repetition of a case is a whole run, from
the start to the last step, set-up and gradient included alike for all; the time per step is that over the steps taken.
A sweep that has been measured on this machine, with this code and these peers, is not measured again.
"""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import polars as pl
from omegaconf import DictConfig, OmegaConf

import experiments.one_thread  # noqa: F401 -- first, because it sets what NumPy reads when it is imported
from adamlab.backends import Stepper, stepper
from adamlab.floor import Work, floor_cases, floor_ns_per_step, footprint, work
from adamlab.minimize import first_iterate
from adamlab.problem import Problem
from adamlab.provenance import machine, provenance
from adamlab.record import TIMING, Value, folder, frame, prepare, read_all, run_id, write
from adamlab.symbols import ConfigurationError, Number
from adamlab.timing import Case, Interval, interleaved, median_interval, timed
from experiments.command import Command
from experiments.configuration import Configuration, refuse_unknown, resolve
from experiments.peers import origins, peers, present

PROGRAM = "cost"
PROTOCOL = {
    "rounds": Number("", "[1, inf)", whole=True),
    "min_sample_seconds": Number("", "(0, inf)"),
    "budget_seconds": Number("", "[0, inf)"),
}


@dataclass(frozen=True)
class Timed:
    """One row to be: what is timed, the configuration it belongs to, and how to do it."""

    implementation: str
    keys: Mapping[str, Value]
    version: str
    configuration: Configuration
    case: Case

    @property
    def run_id(self) -> str:
        """The identity of what is timed."""
        return run_id({**self.keys, "implementation": self.implementation}, self.version)


def measure_all(jobs: list[DictConfig]) -> int:
    """Time every configuration and its peers together, unless that has been done; always 0, nothing fails."""
    configurations = [resolve(job, PROGRAM, more=("peers", "timing")) for job in jobs]
    results, study = _same([(c.results, c.study) for c in configurations], "results and study_name")
    protocol = _same([_protocol(job) for job in jobs], "timing")
    chosen = peers(_same([_names(job) for job in jobs], "peers"))
    todo = {row.run_id: row for row in _rows(configurations, present(chosen, "implementations"), protocol)}
    timings = folder(results, study, "timings")
    prepare(timings)
    rows = _measured_before(read_all(results, study, "timings"), set(todo))
    if rows.is_empty():
        rows = _measure(todo, protocol, configurations[0].seed)
        write(timings, rows, provenance(**origins(chosen)))
    else:
        print("measured before on this machine, with this code")
    for row in rows.iter_rows(named=True):
        print(_line(row))
    print(f"records in {timings}")
    return 0


def _same(values: list[Any], name: str) -> Any:
    """What all jobs agree on: cases are timed together, so they cannot be swept over this."""
    if any(value != values[0] for value in values):
        raise ConfigurationError(f"{PROGRAM}: {name} must be the same for all jobs of a sweep")
    return values[0]


def _protocol(job: DictConfig) -> dict[str, Any]:
    given = OmegaConf.to_container(job.timing) if OmegaConf.is_dict(job.timing) else job.timing
    if not isinstance(given, dict):
        raise ConfigurationError(f"{PROGRAM}: timing must hold {', '.join(PROTOCOL)}; it is {given!r}")
    refuse_unknown("timing", map(str, given), PROTOCOL)
    return {name: symbol.check("timing", name, given.get(name)) for name, symbol in PROTOCOL.items()}


def _names(job: DictConfig) -> list[str]:
    given = OmegaConf.to_container(job.peers) if OmegaConf.is_list(job.peers) else job.peers
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ConfigurationError(f"{PROGRAM}: peers must be a list of names, such as [rust_seed]; it is {given!r}")
    return given


def _rows(configurations: list[Configuration], available: list[ModuleType], protocol: Mapping[str, Any]) -> list[Timed]:
    rows = []
    for configuration in configurations:
        keys = {**configuration.keys, **{f"timing.{name}": number for name, number in protocol.items()}}
        rows.append(Timed("adamlab", keys, configuration.algorithms, configuration, timed(_run(configuration))))
        apart = {name: value for name, value in keys.items() if name not in ("backend", "trace", "trace.points")}
        for peer in available:
            for name, case in peer.implementations(apart).items():
                rows.append(Timed(name, apart, peer.version(), configuration, case))
    return rows


def _run(configuration: Configuration) -> Any:
    """The whole run as a function; it returns its stepper."""
    optimizer, objective, backend = configuration.optimizer, configuration.objective, configuration.backend

    def run() -> Stepper:
        problem = Problem(objective, configuration.noise, configuration.seed)
        schedule, n_steps = configuration.schedule, configuration.n_steps
        stepping = stepper(backend, optimizer, problem, first_iterate(objective), schedule, n_steps)
        stepping.advance(n_steps, configuration.stopping)
        return stepping

    return run


def _measured_before(recorded: pl.DataFrame, wanted: set[str]) -> pl.DataFrame:
    """The rows of one measurement on this machine that covers all that is wanted, or none."""
    if recorded.is_empty():
        return recorded
    here = recorded.filter(pl.col("machine") == machine(), pl.col("run_id").is_in(list(wanted)))
    whole = here.group_by("measurement").agg(pl.col("run_id").n_unique()).filter(pl.col("run_id") == len(wanted))
    return here.join(whole.select("measurement").head(1), on="measurement", how="semi", maintain_order="left")


def _measure(todo: Mapping[str, Timed], protocol: Mapping[str, Any], seed: int) -> pl.DataFrame:
    works = {identity: work(row.configuration.optimizer, row.configuration.objective) for identity, row in todo.items()}
    cases: dict[str, Case] = {}
    for identity, row in todo.items():
        objective = row.configuration.objective
        cases |= floor_cases(objective.dtype, [footprint(works[identity], objective.dim, objective.dtype)])
    cases |= {identity: row.case for identity, row in todo.items()}
    samples = interleaved(cases, **protocol, seed=seed, progress=_show_progress)
    intervals = {name: median_interval(taken, name, seed) for name, taken in samples.items()}
    measurement = secrets.token_hex(8)
    rows = [_row(row, intervals[identity], works[identity], intervals, measurement) for identity, row in todo.items()]
    return frame(rows, TIMING)


def _row(
    row: Timed, interval: Interval, work: Work, intervals: Mapping[str, Interval], measurement: str
) -> dict[str, Any]:
    objective = row.configuration.objective
    # Every backend takes the same steps; ask the fast one.
    steps = _run(replace(row.configuration, backend="numba"))().t
    medians = {name: other.median for name, other in intervals.items()}
    return {
        "run_id": row.run_id,
        "algorithms": row.version,
        **row.keys,
        "implementation": row.implementation,
        "steps": steps,
        "ns_per_step": 1e9 * interval.median / steps,
        "ns_per_step_lo": 1e9 * interval.lo / steps,
        "ns_per_step_hi": 1e9 * interval.hi / steps,
        "samples": interval.samples,
        "floor_ns_per_step": floor_ns_per_step(work, objective.dim, objective.dtype, medians),
        "machine": machine(),
        "measurement": measurement,
    }


def _show_progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)


def _line(row: Mapping[str, Any]) -> str:
    who = row["implementation"] if row["backend"] is None else f"{row['implementation']} {row['backend']}"
    spread = f"[{row['ns_per_step_lo']:,.1f}, {row['ns_per_step_hi']:,.1f}]"
    time = f"{row['ns_per_step']:,.1f} ns per step {spread}, floor {row['floor_ns_per_step']:,.1f}"
    return f"{who}: {row['optimizer']} on {row['objective']}, dim {row['dim']}, {row['steps']} steps: {time}"


if __name__ == "__main__":
    sys.exit(Command(PROGRAM, measure_all)())
