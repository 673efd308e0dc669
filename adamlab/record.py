"""Records: Parquet files that say what was run, what came of it, and where it came from.

``<results>/<study>/runs`` holds a row a run, ``trace`` a row a kept step, ``timings`` a row a timed configuration.
Files are only ever added, each under a temporary name that is then renamed, so a reader never meets half a file. A
later row of the same configuration (after the algorithm's code has changed, or a failed run was tried again) takes
the place of an earlier one when read with `read`; the files keep both.
"""

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import polars as pl

from adamlab.symbols import ConfigurationError

Kind = Literal["runs", "trace", "timings", "conformance"]
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
    text = json.dumps([configuration, algorithms], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def folder(results: Path, study: str, kind: str) -> Path:
    """Where the records of one kind lie."""
    return results / study / kind


def write(path: Path, frame: pl.DataFrame, provenance: Mapping[str, str]) -> Path:
    """Write ``frame`` as a new file in folder ``path``, with ``provenance`` in its footer. Returns the file.

    The file appears whole or not at all: it is written under a temporary name, synced, and renamed.
    """
    prepare(path)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}.parquet"
    temporary, final = path / f".{name}.tmp", path / name
    try:
        with temporary.open("wb") as file:
            frame.write_parquet(file, metadata=dict(provenance))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(final)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path)
    return final


def prepare(path: Path) -> None:
    """Make a folder for records, or refuse it in one sentence before anything has been computed for it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"records: cannot make the folder {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise ConfigurationError(f"records: cannot write into the folder {path}")


def read_all(results: Path, study: str, kind: Kind) -> pl.DataFrame:
    """Every row of one kind, oldest first, superseded or not; an empty frame without columns if there are none.

    A column that some files lack is null in their rows. Raises `ConfigurationError` for a file that is no record.
    """
    files = _files(results, study, kind)
    for file in files:
        try:
            pl.read_parquet_schema(file)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ConfigurationError(f"records: {file} is not a Parquet file; move it away") from error
    if not files:
        return pl.DataFrame()
    return pl.concat([pl.scan_parquet(file, glob=False) for file in files], how="diagonal").collect()


def read(results: Path, study: str, kind: Kind) -> pl.DataFrame:
    """The rows of one kind that hold now: of each configuration the latest. Traces are those of these runs."""
    rows = read_all(results, study, kind)
    if rows.is_empty():
        return rows
    if kind == "trace":
        identity: list[str] = list(_IDENTITY[kind])
        rows = rows.join(read(results, study, "runs"), on="run_id", how="semi")
    else:
        versions = {"run_id", "algorithms"}
        identity = [name for name in rows.columns if name not in versions and name not in _RESULTS[kind]]
        identity += _IDENTITY[kind]
    return rows.unique(identity, keep="last", maintain_order=True)


def _files(results: Path, study: str, kind: Kind) -> list[Path]:
    return sorted(folder(results, study, kind).glob("*.parquet"))


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

    def provenance(self, kind: Kind) -> list[dict[str, str]]:
        """What each file of one kind says of where it came from, oldest first."""
        return provenance(self.results, self.name, kind)


def finished_runs(results: Path, study: str) -> dict[str, dict[str, Any]]:
    """The rows, by run_id, of the runs that need not be run again: all that were ever recorded and did not fail."""
    runs = read_all(results, study, "runs")
    if runs.is_empty():
        return {}
    return {row["run_id"]: row for row in runs.filter(pl.col("status") != "failed").iter_rows(named=True)}


def provenance(results: Path, study: str, kind: Kind) -> list[dict[str, str]]:
    """What each file of one kind says of where it came from, oldest first."""
    files = _files(results, study, kind)
    return [{k: v for k, v in pl.read_parquet_metadata(file).items() if k != "ARROW:schema"} for file in files]


class RunWriter:
    """Collects runs and their traces, and writes them out every few seconds and at the end, whatever ends it.

    Used as a context manager. What has been collected is written by a timer, so a long run that comes after is no
    danger to it. A run's trace is written before its row, so a row that is there is complete.
    """

    EVERY_SECONDS = 5.0

    def __init__(self, results: Path, study: str, provenance: Mapping[str, str]) -> None:
        self._folders = {kind: folder(results, study, kind) for kind in ("runs", "trace")}
        self._provenance = provenance
        self._rows: list[dict[str, Any]] = []
        self._traces: list[pl.DataFrame] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def add(self, row: Mapping[str, Any], trace: pl.DataFrame | None) -> None:
        """Take in one run: its configuration and outcome by column name, and its trace if it kept one."""
        with self._lock:
            self._rows.append(dict(row))
            if trace is not None:
                self._traces.append(trace.select(pl.lit(row["run_id"]).alias("run_id"), pl.all()))
            if self._timer is None:
                self._timer = threading.Timer(self.EVERY_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what has been collected."""
        with self._lock:
            if self._traces:
                write(self._folders["trace"], pl.concat(self._traces), self._provenance)
                self._traces = []
            if self._rows:
                write(self._folders["runs"], frame(self._rows, OUTCOME), self._provenance)
                self._rows = []
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def __enter__(self) -> "RunWriter":
        for path in self._folders.values():
            prepare(path)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.flush()


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


def _sync_folder(path: Path) -> None:
    """Make a rename in ``path`` last; a system that cannot sync a folder keeps the rename anyway."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
