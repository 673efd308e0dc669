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
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import polars as pl

Kind = Literal["runs", "trace", "timings", "conformance"]
Value = str | int | float | tuple[float, ...]

OUTCOME: dict[str, Any] = {
    "status": pl.String,
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
}
TIMING: dict[str, Any] = {
    "implementation": pl.String,
    "steps": pl.Int64,
    "ns_per_step": pl.Float64,
    "ns_per_step_lo": pl.Float64,
    "ns_per_step_hi": pl.Float64,
    "samples": pl.Int64,
    "floor_ns_per_step": pl.Float64,
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


def folder(results: Path, study: str, kind: Kind) -> Path:
    """Where the records of one kind lie."""
    return results / study / kind


def write(path: Path, frame: pl.DataFrame, provenance: Mapping[str, str]) -> Path:
    """Write ``frame`` as a new file in folder ``path``, with ``provenance`` in its footer. Returns the file.

    The file appears whole or not at all: it is written under a temporary name, synced, and renamed.
    """
    path.mkdir(parents=True, exist_ok=True)
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


def read(results: Path, study: str, kind: Kind) -> pl.DataFrame:
    """All rows of one kind, the latest of each configuration only; an empty frame without columns if there are none.

    A column that some files lack is null in their rows. Traces are those of the runs that `read` gives.
    """
    files = sorted(folder(results, study, kind).glob("*.parquet"))
    if not files:
        return pl.DataFrame()
    rows = pl.concat([pl.scan_parquet(file) for file in files], how="diagonal").collect()
    if kind == "trace":
        identity: list[str] = list(_IDENTITY[kind])
        rows = rows.join(read(results, study, "runs"), on="run_id", how="semi")
    else:
        versions = {"run_id", "algorithms"}
        identity = [name for name in rows.columns if name not in versions and name not in _RESULTS[kind]]
        identity += _IDENTITY[kind]
    return rows.unique(identity, keep="last", maintain_order=True)


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
    """The rows, by run_id, of the runs that need not be run again: all that are recorded and did not fail."""
    runs = read(results, study, "runs")
    if runs.is_empty():
        return {}
    return {row["run_id"]: row for row in runs.filter(pl.col("status") != "failed").iter_rows(named=True)}


def provenance(results: Path, study: str, kind: Kind) -> list[dict[str, str]]:
    """What each file of one kind says of where it came from, oldest first."""
    files = sorted(folder(results, study, kind).glob("*.parquet"))
    return [{k: v for k, v in pl.read_parquet_metadata(file).items() if k != "ARROW:schema"} for file in files]


class RunWriter:
    """Collects runs and their traces, and writes them out every few seconds and at the end, whatever ends it.

    Used as a context manager. A run's trace is written before its row, so a row that is there is complete.
    """

    EVERY_SECONDS = 5.0

    def __init__(self, results: Path, study: str, provenance: Mapping[str, str]) -> None:
        self._results, self._study, self._provenance = results, study, provenance
        self._rows: list[dict[str, Any]] = []
        self._traces: list[pl.DataFrame] = []
        self._written = time.monotonic()

    def add(self, row: Mapping[str, Any], trace: pl.DataFrame | None) -> None:
        """Take in one run: its configuration and outcome by column name, and its trace if it kept one."""
        self._rows.append(dict(row))
        if trace is not None:
            self._traces.append(trace.select(pl.lit(row["run_id"]).alias("run_id"), pl.all()))
        if time.monotonic() - self._written > self.EVERY_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has been collected."""
        if self._traces:
            write(folder(self._results, self._study, "trace"), pl.concat(self._traces), self._provenance)
        if self._rows:
            write(folder(self._results, self._study, "runs"), frame(self._rows, OUTCOME), self._provenance)
        self._rows, self._traces, self._written = [], [], time.monotonic()

    def __enter__(self) -> "RunWriter":
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
