"""Records: Parquet files that say what was run, what came of it, and where it came from.

``<results>/<study>/runs`` holds a row a run, ``trace`` a row a kept step, ``timings`` a row a timed configuration;
``benchmarks`` holds airspeed velocity's own files (`adamlab.records.asv_results`). How records are added is in
`adamlab.records.writing`. A later row of the same configuration (after the algorithm's code has changed, or a run was
taken again) takes the place of an earlier one when read with `read`; the files keep both until they are merged
(`adamlab.records.merging`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from adamlab.records.asv_results import origin, read_results, result_files
from adamlab.records.schema import TABLES, Kind, types
from adamlab.rules.symbols import ConfigurationError

# What identifies a row besides its configuration.
_IDENTITY = {
    "runs": (),
    "trace": ("run_id", "step"),
    "timings": ("implementation",),
    "conformance": ("peer", "namesake"),
}


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
        identity = [name for name in columns if name not in versions and name not in types(TABLES[kind])]
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
        """A row a commit, benchmark and point; see `adamlab.records.asv_results.read_results`."""
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
