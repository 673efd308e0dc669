"""Read the records of a study.

The layout of the folders is described in `adamlab.records`. A configuration has several rows if its run was executed
again, or if the code of its algorithms has changed. `read` and `scan` return the last of them; the files keep all until
they are merged (`adamlab.records.merging`).
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

# Columns that identify a row together with its configuration.
_IDENTITY = {
    "runs": (),
    "trace": ("run_id", "step"),
    "timings": ("implementation",),
    "conformance": ("peer", "namesake"),
}


def folder(results: Path, study: str, kind: str) -> Path:
    """Return the folder of one kind of records.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.
    kind : {"runs", "trace", "timings", "conformance", "benchmarks"}
        Kind of records.

    Returns
    -------
    Path
        ``<results>/<study>/<kind>``, whether it exists or not.
    """
    return results / study / kind


def files(results: Path, study: str, kind: Kind) -> list[Path]:
    """Return the Parquet files of one kind of records, oldest first.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.
    kind : {"runs", "trace", "timings", "conformance"}
        Kind of records.

    Returns
    -------
    list of Path
        In the order of their names; merged files come first. Empty if there are none.
    """
    return sorted(folder(results, study, kind).glob("*.parquet"))


def scan_files(paths: Sequence[Path]) -> pl.LazyFrame:
    """Return all rows of some record files, in order.

    Parameters
    ----------
    paths : sequence of Path
        Parquet files.

    Returns
    -------
    polars.LazyFrame
        A column that a file lacks is null in its rows. Without columns if there are no files.

    Raises
    ------
    ConfigurationError
        For a file that cannot be read as Parquet.
    """
    for path in paths:
        try:
            pl.read_parquet_schema(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ConfigurationError(f"records: {path} is not a Parquet file; move it to another folder") from error
    if not paths:
        return pl.LazyFrame()
    return pl.concat([pl.scan_parquet(path, glob=False) for path in paths], how="diagonal")


def read_all(results: Path, study: str, kind: Kind) -> pl.DataFrame:
    """Return every row of one kind of records, oldest first, including rows that no longer count.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.
    kind : {"runs", "trace", "timings", "conformance"}
        Kind of records.

    Returns
    -------
    polars.DataFrame
        Without rows and columns if there are no files.

    Raises
    ------
    ConfigurationError
        For a file that is not a record.
    """
    return scan_files(files(results, study, kind)).collect()


def scan(results: Path, study: str, kind: Kind) -> pl.LazyFrame:
    """Return the rows of one kind of records that count, without reading them yet.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.
    kind : {"runs", "trace", "timings", "conformance"}
        Kind of records.

    Returns
    -------
    polars.LazyFrame
        The last row of each configuration; for ``"trace"`` the rows of the runs that count. Without columns if there
        are no files.

    Raises
    ------
    ConfigurationError
        For a file that is not a record.
    """
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
    """Return whether the runs of each combination of leaves and backend were written by one version of their code.

    Then ``run_id`` alone identifies a configuration, and comparing one column is much faster than comparing thirty.
    """
    leaves = [name for name in ("optimizer", "objective", "noise", "schedule", "backend") if name in columns]
    if kind != "runs" or not {"run_id", "algorithms"} <= set(columns):
        return False
    versions = rows.group_by(leaves).agg(pl.col("algorithms").n_unique()).select(pl.col("algorithms").max())
    return bool(versions.collect().item() == 1)


def read(results: Path, study: str, kind: Kind) -> pl.DataFrame:
    """Return the rows of one kind of records that count, as a frame; see `scan`.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.
    kind : {"runs", "trace", "timings", "conformance"}
        Kind of records.

    Returns
    -------
    polars.DataFrame

    Raises
    ------
    ConfigurationError
        For a file that is not a record.
    """
    return scan(results, study, kind).collect()


@dataclass(frozen=True)
class Study:
    """The records of one study as reports read them: one frame per kind, and the provenance of the files.

    A frame is read when it is first used.

    Attributes
    ----------
    results : Path
        Root folder of results.
    name : str
        Name of the study.
    """

    results: Path
    name: str

    @cached_property
    def runs(self) -> pl.DataFrame:
        """One row per run."""
        return read(self.results, self.name, "runs")

    @cached_property
    def lazy_runs(self) -> pl.LazyFrame:
        """The rows of `runs` as a lazy frame that reads only the columns in use, for studies of a million runs."""
        return scan(self.results, self.name, "runs")

    @cached_property
    def trace(self) -> pl.DataFrame:
        """One row per kept step of the rows in `runs`."""
        return read(self.results, self.name, "trace")

    @cached_property
    def timings(self) -> pl.DataFrame:
        """One row per timed configuration and implementation."""
        return read(self.results, self.name, "timings")

    @cached_property
    def conformance(self) -> pl.DataFrame:
        """One row per optimizer and method of another library."""
        return read(self.results, self.name, "conformance")

    @cached_property
    def benchmarks(self) -> pl.DataFrame:
        """One row per commit, benchmark and point; see `adamlab.records.asv_results.read_results`."""
        return read_results(folder(self.results, self.name, "benchmarks"))

    def provenance(self, kind: Kind) -> list[dict[str, str]]:
        """Return the provenance of each file of one kind, oldest first.

        Parameters
        ----------
        kind : {"runs", "trace", "timings", "conformance", "benchmarks"}
            Kind of records.

        Returns
        -------
        list of dict of str to str
            See `adamlab.records.provenance.provenance`.
        """
        if kind == "benchmarks":
            return [origin(file) for file in result_files(folder(self.results, self.name, kind))]
        return provenance(self.results, self.name, kind)


def finished_runs(paths: Sequence[Path]) -> pl.LazyFrame:
    """Return the rows of runs that need not be run again: all recorded runs that did not fail.

    Parameters
    ----------
    paths : sequence of Path
        Files of runs.

    Returns
    -------
    polars.LazyFrame
        With only the column ``run_id`` if there are no files.

    Raises
    ------
    ConfigurationError
        For a file that is not a record.
    """
    rows = scan_files(paths)
    return rows.filter(pl.col("status") != "failed") if paths else pl.LazyFrame(schema={"run_id": pl.String})


def provenance(results: Path, study: str, kind: Kind) -> list[dict[str, str]]:
    """Return the provenance of each file of one kind, oldest first; of a merged file, that of what was merged.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.
    kind : {"runs", "trace", "timings", "conformance"}
        Kind of records.

    Returns
    -------
    list of dict of str to str
        See `adamlab.records.provenance.provenance`.
    """
    found: list[dict[str, str]] = []
    for path in files(results, study, kind):
        footer = {k: v for k, v in pl.read_parquet_metadata(path).items() if k != "ARROW:schema"}
        found.extend(json.loads(footer["merged"]) if "merged" in footer else [footer])
    return found
