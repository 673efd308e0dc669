"""Measure the time per step of optimizers on backends, and compare it with peers and with the machine's floor.

All cases of a sweep are timed together, in interleaved rounds. A case is a run from the start to the last step, with
its gradients (see `adamlab.measuring.timing`). With ``coordinates``, a case is many runs at once. With ``threads``,
these runs, or a large step, are shared among threads. An implementation whose steps take too long at some dimension
is left out there, and the record says so. A sweep that has been measured on this machine, with this code and these
peers, is not measured again.
"""

import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import polars as pl

import experiments.timing.one_thread  # first, because it sets what NumPy reads when it is imported
from adamlab.measuring.floor import Floors, floor_cases, floors, work
from adamlab.measuring.timing import (
    Advance,
    Case,
    Implementation,
    Interval,
    Length,
    Runs,
    fitting_length,
    interleaved,
    median_interval,
)
from adamlab.problems.problem import Problem
from adamlab.records.identity import run_id
from adamlab.records.provenance import machine, provenance
from adamlab.records.reading import folder, read_all
from adamlab.records.schema import TIMINGS, Value, frame
from adamlab.records.writing import prepare, write
from adamlab.rules.methods import acts_on
from adamlab.rules.registry import refuse_unknown
from adamlab.rules.symbols import Choice, ConfigurationError, Number
from adamlab.running.backends import stepper
from adamlab.running.checks import prepared
from experiments.sweeping.command import Command
from experiments.sweeping.configuration import Configuration, configured
from experiments.sweeping.results import SweepResult
from experiments.sweeping.sweep import Sweep
from experiments.timing.many_runs import many_runs
from experiments.timing.peers import identity, origins, peers, present

PROGRAM = "cost"
PROTOCOL: Mapping[str, Number | Choice] = {
    "rounds": Number("", "[1, inf)", whole=True),
    "min_sample_seconds": Number("", "(0, inf)"),
    "budget_seconds": Number("", "[0, inf)"),
    "max_run_seconds": Number("", "(0, inf)"),
    "max_step_seconds": Number("", "(0, inf)"),
    "set_up": Choice("", ("included", "excluded")),
}
Protocol = Mapping[str, Any]
# The total number of coordinates of the runs that are executed at once (0: one run alone), and the number of threads
# that share the work.
SHARES = {"coordinates": Number("", "[0, inf)", whole=True), "threads": Number("", "[1, inf)", whole=True)}


@dataclass(frozen=True)
class Timed:
    """One row of the record: what is timed, and the configuration it belongs to.

    Attributes
    ----------
    implementation : str
        Name in the column ``implementation``, such as ``adamlab``.
    keys : mapping of str to value
        The configuration by swept key, with ``runs``, ``threads`` and the protocol of the timing.
    version : str
        Hash of our source code, or the version of the peer and a hash of our files for it.
    configuration : Configuration
        The run.
    runs : Implementation
        Executes the run and returns the seconds it took.
    """

    implementation: str
    keys: Mapping[str, Value]
    version: str
    configuration: Configuration
    runs: Implementation

    @property
    def at_once(self) -> int:
        """Number of runs that are timed as one case."""
        return int(str(self.keys["runs"]))

    @property
    def threads(self) -> int:
        """Number of threads that share the work."""
        return int(str(self.keys["threads"]))

    @property
    def run_id(self) -> str:
        """The identity of the row."""
        return run_id({**self.keys, "implementation": self.implementation}, self.version)


def measure_all(sweep: Sweep) -> SweepResult:
    """Time every configuration and its peers together, unless they have been measured before.

    Parameters
    ----------
    sweep : Sweep
        The configurations. They may not differ in ``results``, ``study_name``, ``resume``, ``dry_run``, ``timing``
        and ``peers``.

    Returns
    -------
    SweepResult
        Without failures.

    Raises
    ------
    ConfigurationError
        For an invalid configuration, and for a launcher other than ``local``.
    """
    if sweep.executor != "local":
        raise ConfigurationError(
            f"{PROGRAM}: hydra/launcher must be local, to time all in turns; it is {sweep.executor!r}"
        )
    trees = list(sweep.trees())
    configurations = [configured(tree, PROGRAM, more=("peers", "timing", *SHARES)) for tree in trees]
    shares = [_shares(tree, configuration) for tree, configuration in zip(trees, configurations, strict=True)]
    results, study = _same([(c.results, c.study) for c in configurations], "results and study_name")
    resume, dry_run = (_same([getattr(c, name) for c in configurations], name) for name in ("resume", "dry_run"))
    protocol = _same([_protocol(tree["timing"]) for tree in trees], "timing")
    chosen = peers(_same([_names(tree["peers"]) for tree in trees], "peers"))
    todo = {row.run_id: row for row in _rows(configurations, shares, present(chosen, "implementations"), protocol)}
    timings = folder(results, study, "timings")
    rows = _measured_before(read_all(results, study, "timings"), set(todo)) if resume else pl.DataFrame()
    if dry_run:
        print(f"{len(todo)} cases to be timed in {protocol['rounds']} rounds, {rows.height} of them measured before")
        return SweepResult(0)
    prepare(timings)
    if rows.is_empty():
        busy = os.getloadavg()[0]
        rows = _measure(todo, protocol, configurations[0].seed)
        conditions = {"threads": _threads(), "load_before": f"{busy:.2f} processes ready to run"}
        write(timings, rows, provenance(**origins(chosen), **conditions))
    else:
        print("measured before on this machine, with this code")
    for row in rows.iter_rows(named=True):
        print(_line(row))
    print(f"records in {timings}")
    return SweepResult(0)


def _threads() -> str:
    """Return the sizes of the libraries' thread pools as text, for the provenance."""
    return ", ".join(f"{name}={number}" for name, number in experiments.timing.one_thread.THREADS.items())


def _same(values: list[Any], name: str) -> Any:
    """Return the common value of all jobs; it cannot be swept, because all cases are timed together."""
    if any(value != values[0] for value in values):
        raise ConfigurationError(f"{PROGRAM}: {name} must be the same for all jobs of a sweep")
    return values[0]


def _protocol(given: Any) -> dict[str, Any]:
    """Return the checked parameters of the timing protocol."""
    if not isinstance(given, dict):
        raise ConfigurationError(f"{PROGRAM}: timing must hold {', '.join(PROTOCOL)}; it is {given!r}")
    refuse_unknown("timing", map(str, given), PROTOCOL)
    return {name: symbol.check("timing", name, given.get(name)) for name, symbol in PROTOCOL.items()}


def _shares(tree: Mapping[str, Any], configuration: Configuration) -> dict[str, int]:
    """Return the number of runs that are executed at once, and the number of threads."""
    coordinates, threads = (symbol.check(PROGRAM, name, tree[name]) for name, symbol in SHARES.items())
    runs = max(1, coordinates // configuration.objective.dim)
    for name, number in (("coordinates", runs), ("threads", threads)):
        if number > 1 and configuration.backend != "numba":
            raise ConfigurationError(f"{PROGRAM}: {name} are for backend=numba; it is {configuration.backend!r}")
    return {"runs": runs, "threads": threads}


def _names(given: Any) -> list[str]:
    """Return the names of peers, checked to be a list of text."""
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ConfigurationError(f"{PROGRAM}: peers must be a list of names, such as [rust_seed]; it is {given!r}")
    return given


def _rows(
    configurations: list[Configuration], shares: list[dict[str, int]], available: list[ModuleType], protocol: Protocol
) -> list[Timed]:
    """Return a row for each configuration and for each implementation of a peer that can execute it."""
    rows = []
    for configuration, share in zip(configurations, shares, strict=True):
        keys = {**configuration.keys, **share, **{f"timing.{name}": number for name, number in protocol.items()}}
        ours = many_runs(configuration, **share) if share["runs"] > 1 else _ours(configuration, share["threads"])
        rows.append(Timed("adamlab", keys, configuration.algorithms, configuration, ours))
        apart = {name: value for name, value in keys.items() if name not in ("backend", "trace", "trace.points")}
        for peer in available:
            for name, runs in peer.implementations(apart).items():
                rows.append(Timed(name, apart, identity(peer), configuration, runs))
    return rows


def _ours(configuration: Configuration, threads: int) -> Runs:
    """Return our implementation of a single run, to be timed."""
    optimizer, backend = configuration.optimizer, configuration.backend
    objective, start = prepared(configuration.objective)

    def begin() -> Advance:
        problem = Problem(objective, configuration.noise, configuration.seed)
        stepping = stepper(backend, optimizer, problem, start, configuration.schedule, configuration.n_steps, threads)

        def advance(steps: int) -> Any:
            stepping.advance(stepping.t + steps, configuration.stopping)
            return stepping

        return advance

    return Runs(begin)


def _measured_before(recorded: pl.DataFrame, wanted: set[str]) -> pl.DataFrame:
    """Return the rows of one earlier measurement on this machine that has all wanted rows, or no rows."""
    if recorded.is_empty():
        return recorded
    here = recorded.filter(pl.col("machine") == machine(), pl.col("run_id").is_in(list(wanted)))
    whole = here.group_by("measurement").agg(pl.col("run_id").n_unique()).filter(pl.col("run_id") == len(wanted))
    return here.join(whole.select("measurement").head(1), on="measurement", how="semi", maintain_order="left")


def _measure(todo: Mapping[str, Timed], protocol: Protocol, seed: int) -> pl.DataFrame:
    """Time all cases in interleaved rounds, and return the rows of the record."""
    in_turn = {name: protocol[name] for name in ("rounds", "min_sample_seconds", "budget_seconds")}
    lengths = _lengths(todo, protocol)
    fitting = {name: length for name, length in lengths.items() if not _too_long(length, protocol)}
    set_up = protocol["set_up"] == "included"
    cases = _floor_cases(todo.values()) | {
        name: _case(todo[name].runs, length.steps, set_up) for name, length in fitting.items()
    }
    seen = {name: length.seconds for name, length in fitting.items()}
    samples = interleaved(cases, **in_turn, seed=seed, progress=_show_progress, seen=seen)
    intervals = {name: median_interval(taken, name, seed) for name, taken in samples.items()}
    medians = {name: interval.median for name, interval in intervals.items()}
    measurement = secrets.token_hex(8)
    rows = []
    for name, row in todo.items():
        if name in fitting:
            outcome = _result(intervals[name], row.at_once * _steps_taken(row, lengths[name].steps, set_up))
        else:
            outcome = _left_out(lengths[name])
        rows.append({**_fixed(row, medians), **outcome, "measurement": measurement})
    return frame(rows, TIMINGS)


def _lengths(todo: Mapping[str, Timed], protocol: Protocol) -> dict[str, Length]:
    """Determine the number of steps of each run.

    An implementation that takes too long in some dimension is not tried in a higher one.
    """
    lengths: dict[str, Length] = {}
    too_long: dict[Any, Length] = {}
    for place, (name, row) in enumerate(sorted(todo.items(), key=lambda item: item[1].configuration.objective.dim)):
        _show_progress(f"choosing the number of steps: {place + 1} of {len(todo)}")
        kind = (row.implementation, *sorted((key, value) for key, value in row.keys.items() if key != "dim"))
        limits = row.configuration.n_steps, protocol["max_run_seconds"], protocol["max_step_seconds"]
        lengths[name] = too_long.get(kind) or fitting_length(row.runs, *limits)
        if _too_long(lengths[name], protocol):
            too_long[kind] = lengths[name]
    return lengths


def _too_long(length: Length, protocol: Protocol) -> bool:
    return bool(length.steps == 1 and length.seconds > protocol["max_step_seconds"])


def _case(runs: Implementation, steps: int, set_up: bool) -> Case:
    return lambda repetitions: runs.seconds(repetitions, steps, set_up)


def _steps_taken(row: Timed, steps: int, set_up: bool) -> int:
    """Return how many of the timed steps a run takes before it stops.

    For many runs at once this is the number of steps that were asked for.
    """
    if row.at_once > 1:
        return steps
    before = 0 if set_up else 1
    # All backends take the same steps, so the fastest one is used to count them.
    advance = _ours(replace(row.configuration, backend="numba"), row.threads).begin()
    return max(1, int(advance(before + steps).t) - before)


def _floor_cases(rows: Iterable[Timed]) -> dict[str, Case]:
    """Return the cases that measure what the machine's floor is computed from."""
    cases: dict[str, Case] = {}
    for row in rows:
        optimizer, objective = row.configuration.optimizer, row.configuration.objective
        needs, together = work(optimizer, prepared(objective)[0]), 1 if row.at_once > 1 else row.threads
        cases = floor_cases(needs, objective.dim, objective.dtype, together) | cases
    return cases


def _fixed(row: Timed, medians: Mapping[str, float]) -> dict[str, Any]:
    """Return the part of a row that is the same whether the case was timed or left out."""
    optimizer, objective = row.configuration.optimizer, row.configuration.objective
    needs, shares = work(optimizer, prepared(objective)[0]), (row.at_once, row.threads)
    floor: Floors = floors(needs, objective.dim, objective.dtype, medians, *shares)
    return {
        "run_id": row.run_id,
        "algorithms": row.version,
        **row.keys,
        "implementation": row.implementation,
        "floor_ns_per_step": floor.largest,
        "floor_arithmetic": floor.arithmetic,
        "floor_addition": floor.addition,
        "floor_movement": floor.movement,
        "floor_latency": floor.latency,
        "acts_on": acts_on(optimizer),
        "machine": machine(),
    }


def _result(interval: Interval, steps: int) -> dict[str, Any]:
    return {
        "steps": steps,
        "ns_per_step": 1e9 * interval.median / steps,
        "ns_per_step_lo": 1e9 * interval.lo / steps,
        "ns_per_step_hi": 1e9 * interval.hi / steps,
        "samples": interval.samples,
    }


def _left_out(length: Length) -> dict[str, Any]:
    return {"steps": 0, "samples": 0, "left_out": f"a step takes {length.seconds:.2g} s or more"}


def _show_progress(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)


def _line(row: Mapping[str, Any]) -> str:
    """Return the line that reports a row."""
    who = row["implementation"] if row["backend"] is None else f"{row['implementation']} {row['backend']}"
    what = f"{who}: {row['optimizer']} on {row['objective']}, dim {row['dim']}, {row['dtype']}"
    what += f", {row['runs']} runs at once" if row["runs"] > 1 else ""
    what += f", {row['threads']} threads" if row["threads"] > 1 else ""
    if row["left_out"] is not None:
        return f"{what}: left out, because {row['left_out']}"
    spread = f"[{row['ns_per_step_lo']:,.1f}, {row['ns_per_step_hi']:,.1f}]"
    time = f"{row['ns_per_step']:,.1f} ns per step {spread}, floor {row['floor_ns_per_step']:,.1f}"
    return f"{what}, {row['steps']} steps: {time}"


if __name__ == "__main__":
    sys.exit(Command(PROGRAM, measure_all)())
