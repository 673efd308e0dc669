"""Records: Parquet files that say what was run, what came of it, and where it came from.

``<results>/<study>/runs`` holds a row a run, ``trace`` a row a kept step, ``timings`` a row a timed configuration;
``benchmarks`` holds airspeed velocity's own files (`adamlab.benchmark_results`). How records are added is in
`adamlab.record_writer`. A later row of the same configuration (after the algorithm's code has changed, or a run was
taken again) takes the place of an earlier one when read with `read`; the files keep both until they are merged
(`adamlab.compaction`).
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import polars as pl

from adamlab.benchmark_results import origin, read_results, result_files
from adamlab.symbols import ConfigurationError

Kind = Literal["runs", "trace", "timings", "conformance", "benchmarks"]
Value = str | int | float | tuple[float, ...]

OUTCOME: dict[str, Any] = {
    "status": pl.String,
    "stopped_by": pl.String,
    "steps": pl.Int64,
    "loss": pl.Float64,
    "grad_norm": pl.Float64,
    "error": pl.String,
    "seconds": pl.Float64,
}
TRACE: dict[str, Any] = {
    "run_id": pl.String,
    "step": pl.Int64,
    "loss": pl.Float64,
    "grad_norm": pl.Float64,
    "step_norm": pl.Float64,
    "distance": pl.Float64,
}
TIMING: dict[str, Any] = {
    "implementation": pl.String,
    "steps": pl.Int64,
    "ns_per_step": pl.Float64,
    "ns_per_step_lo": pl.Float64,
    "ns_per_step_hi": pl.Float64,
    "samples": pl.Int64,
    "floor_ns_per_step": pl.Float64,
    "floor_arithmetic": pl.Float64,
    "floor_addition": pl.Float64,
    "floor_movement": pl.Float64,
    "floor_latency": pl.Float64,
    "acts_on": pl.String,
    "left_out": pl.String,
    "machine": pl.String,
    "measurement": pl.String,
}
CONFORMANCE: dict[str, Any] = {
    "peer": pl.String,
    "namesake": pl.String,
    "peer_version": pl.String,
    "recorded": pl.Float64,
    "closed_loop": pl.Float64,
    "equal": pl.Boolean,
    "reason": pl.String,
}
# What identifies a row besides its configuration.
_IDENTITY = {
    "runs": (),
    "trace": ("run_id", "step"),
    "timings": ("implementation",),
    "conformance": ("peer", "namesake"),
}
_RESULTS = {"runs": OUTCOME, "trace": TRACE, "timings": TIMING, "conformance": CONFORMANCE}


def run_id(configuration: Mapping[str, Value], algorithms: str) -> str:
    """The identity of a run (20 hex digits): its resolved configuration and the version of the code that runs it.

    Nothing of the machine enters, so two machines agree on what is the same run.
    """
    return run_ids(configuration, {}, algorithms)[0]


def run_ids(fixed: Mapping[str, Value], varied: Mapping[str, Sequence[Value]], algorithms: str) -> list[str]:
    """The `run_id` of many runs that have ``fixed`` in common; ``varied`` has the values of each run by key."""
    names = sorted({**fixed, **varied})
    # JSON, put together from its parts: a key that all runs agree on is written once.
    pieces: list[str] = ["["]
    for place, name in enumerate(names):
        pieces[-1] += ("{" if place == 0 else ", ") + _json(name) + ": "
        if name in varied:
            pieces.append("")
        else:
            pieces[-1] += _json(fixed[name])
    pieces[-1] += "}, " + _json(algorithms) + "]"
    columns = [map(_json, varied[name]) for name in names if name in varied]
    rests = ["".join(chain.from_iterable(zip(row, pieces[1:], strict=True))) for row in zip(*columns, strict=True)]
    begin = hashlib.sha256(pieces[0].encode())
    found = []
    for rest in rests if columns else [""]:
        digest = begin.copy()
        digest.update(rest.encode())
        found.append(digest.hexdigest()[:20])
    return found


def _json(value: Any) -> str:
    # What JSON writes for a finite number, at a fraction of the cost.
    return repr(value) if type(value) is float and math.isfinite(value) else json.dumps(value, ensure_ascii=False)


def folder(results: Path, study: str, kind: str) -> Path:
    """Where the records of one kind lie."""
    return results / study / kind


def files(results: Path, study: str, kind: Kind) -> list[Path]:
    """The record files of one kind, oldest first."""
    return sorted(folder(results, study, kind).glob("*.parquet"))


def scan_files(paths: Sequence[Path]) -> pl.LazyFrame:
    """All rows of these files, in order; a column that some files lack is null in their rows.

    Raises `ConfigurationError` for a file that is no record.
    """
    for path in paths:
        try:
            pl.read_parquet_schema(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ConfigurationError(f"records: {path} is not a Parquet file; move it away") from error
    if not paths:
        return pl.LazyFrame()
    return pl.concat([pl.scan_parquet(path, glob=False) for path in paths], how="diagonal")


def read_all(results: Path, study: str, kind: Kind) -> pl.DataFrame:
    """Every row of one kind, oldest first, superseded or not; an empty frame without columns if there are none."""
    return scan_files(files(results, study, kind)).collect()


def scan(results: Path, study: str, kind: Kind) -> pl.LazyFrame:
    """The rows of one kind that hold now: of each configuration the latest. Traces are those of these runs."""
    rows = scan_files(files(results, study, kind))
    columns = rows.collect_schema().names()
    if not columns:
        return rows
    if kind == "trace":
        identity: list[str] = list(_IDENTITY[kind])
        rows = rows.join(scan(results, study, "runs"), on="run_id", how="semi")
    elif _each_configuration_has_one_version(rows, columns, kind):
        identity = ["run_id", *_IDENTITY[kind]]
    else:
        versions = {"run_id", "algorithms"}
        identity = [name for name in columns if name not in versions and name not in _RESULTS[kind]]
        identity += _IDENTITY[kind]
    return rows.unique(identity, keep="last", maintain_order=True)


def _each_configuration_has_one_version(rows: pl.LazyFrame, columns: Sequence[str], kind: Kind) -> bool:
    """Whether the rows that one code can have written were written by one version of it.

    Then the ``run_id`` says as much as all columns together, and one column is much sooner compared than thirty.
    """
    leaves = [name for name in ("optimizer", "objective", "noise", "schedule", "backend") if name in columns]
    if kind != "runs" or not {"run_id", "algorithms"} <= set(columns):
        return False
    versions = rows.group_by(leaves).agg(pl.col("algorithms").n_unique()).select(pl.col("algorithms").max())
    return bool(versions.collect().item() == 1)


def read(results: Path, study: str, kind: Kind) -> pl.DataFrame:
    """`scan`, read."""
    return scan(results, study, kind).collect()


def chosen_options(program: str, arguments: Sequence[str], defaults: Mapping[str, str]) -> dict[str, str]:
    """What a program that reads records is told as ``name=value``, over its ``defaults``.

    Raises `ConfigurationError` for a name without a default, and for one without a value.
    """
    chosen = dict(defaults)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name not in chosen or not equals or not value:
            takes = ", ".join(f"{key}=..." for key in defaults)
            raise ConfigurationError(f"{program}: takes {takes}; it is {argument!r}")
        chosen[name] = value
    return chosen


@dataclass(frozen=True)
class Study:
    """The records of one study, as a report reads them: a frame of each kind, and where the files came from."""

    results: Path
    name: str

    @cached_property
    def runs(self) -> pl.DataFrame:
        """A row a run."""
        return read(self.results, self.name, "runs")

    @cached_property
    def lazy_runs(self) -> pl.LazyFrame:
        """`runs`, of which only what is asked for is read: for studies of a million."""
        return scan(self.results, self.name, "runs")

    @cached_property
    def trace(self) -> pl.DataFrame:
        """A row a kept step of these runs."""
        return read(self.results, self.name, "trace")

    @cached_property
    def timings(self) -> pl.DataFrame:
        """A row a timed configuration and implementation."""
        return read(self.results, self.name, "timings")

    @cached_property
    def conformance(self) -> pl.DataFrame:
        """A row a method and namesake in another library."""
        return read(self.results, self.name, "conformance")

    @cached_property
    def benchmarks(self) -> pl.DataFrame:
        """A row a commit, benchmark and point; see `adamlab.benchmark_results.read_results`."""
        return read_results(folder(self.results, self.name, "benchmarks"))

    def provenance(self, kind: Kind) -> list[dict[str, str]]:
        """What each file of one kind says of where it came from, oldest first."""
        if kind == "benchmarks":
            return [origin(file) for file in result_files(folder(self.results, self.name, kind))]
        return provenance(self.results, self.name, kind)


def finished_runs(paths: Sequence[Path]) -> pl.LazyFrame:
    """The rows in these files of runs that need not be run again: all that were ever recorded and did not fail."""
    rows = scan_files(paths)
    return rows.filter(pl.col("status") != "failed") if paths else pl.LazyFrame(schema={"run_id": pl.String})


def provenance(results: Path, study: str, kind: Kind) -> list[dict[str, str]]:
    """What each file of one kind says of where it came from, oldest first; of a merged one, what was merged."""
    found: list[dict[str, str]] = []
    for path in files(results, study, kind):
        footer = {k: v for k, v in pl.read_parquet_metadata(path).items() if k != "ARROW:schema"}
        found.extend(json.loads(footer["merged"]) if "merged" in footer else [footer])
    return found


def frame(rows: Iterable[Mapping[str, Any]], results: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of configuration and ``results`` columns (`OUTCOME` or `TIMING`) as a frame; a key that a row lacks is null.

    A configuration's columns take the type of their values: numbers are Float64 or Int64, a start is a list.
    """
    rows = list(rows)
    schema: dict[str, Any] = {}
    for row in rows:
        schema.update({name: _dtype(value) for name, value in row.items() if name not in results})
    schema.update(results)
    columns = {name: [row.get(name) for row in rows] for name in schema}
    return pl.DataFrame(columns, schema=schema)


def _dtype(value: Value) -> Any:
    if isinstance(value, tuple):
        return pl.List(pl.Float64)
    return {str: pl.String, int: pl.Int64, float: pl.Float64}[type(value)]
