"""Write record files, and add runs to a study.

A file appears complete or not at all: it is written under a temporary name, synced to disk, and renamed. Runs are added
while the lock of their study is held, and a run that another program has recorded meanwhile is left out, so several
programs may add to one study at the same time. The trace of a run is written before its row, in a file of the same
name. A row of a run is therefore complete as soon as it exists. A trace file without a file of runs of the same name
was left by a killed program; the next program that writes into the study removes it.
"""

import io
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import polars as pl
from filelock import FileLock

from adamlab.records.reading import files, finished_runs, folder
from adamlab.rules.symbols import ConfigurationError

# Prefixes of the names of files of added records and of merged files; merged files sort as the older ones.
PART, MERGED = "part-", "merged-"
# Entry in the footer of the last file of a merge: the names of the files that the merge replaces.
REPLACES = "replaces"


def write(path: Path, frame: pl.DataFrame, provenance: Mapping[str, str], name: str | None = None) -> Path:
    """Write a frame as a new Parquet file.

    Parameters
    ----------
    path : Path
        The folder; it is made if it does not exist.
    frame : polars.DataFrame
        The rows.
    provenance : mapping of str to str
        Footer metadata.
    name : str, optional
        Name of the file without ``.parquet``. None is a new name.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If the file cannot be written. The error names the file, and no part of the file remains.
    ConfigurationError
        If the folder cannot be made or written into.
    """
    prepare(path)
    final = path / f"{name or new_name()}.parquet"
    temporary = path / f".{final.name}.tmp"
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata=dict(provenance))
    try:
        with temporary.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(final)
    except OSError as error:
        raise OSError(error.errno, f"cannot be written: {error.strerror or error}", str(final)) from error
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path)
    return final


def new_name(prefix: str = PART) -> str:
    """Return a file name that is not in use and sorts after all earlier ones of the same prefix.

    Parameters
    ----------
    prefix : str
        What the name begins with.

    Returns
    -------
    str
        Prefix, present time in UTC with microseconds, and 8 random hexadecimal digits.
    """
    return f"{prefix}{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}"


def prepare(path: Path) -> None:
    """Make a folder for records and check that it can be written into.

    Programs call this before they compute anything for the folder.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    ConfigurationError
        If the folder cannot be made or written into.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"records: cannot make the folder {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise ConfigurationError(f"records: cannot write into the folder {path}")


@contextmanager
def locked(results: Path, study: str) -> Iterator[None]:
    """Hold the lock of a study, so that no other program changes the study meanwhile; a context manager.

    The operating system releases the lock when the process ends, however it ends.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.
    """
    with FileLock(results / study / ".lock"):
        yield


def remove_leftovers(results: Path, study: str) -> None:
    """Remove what a killed program or a merge left behind. The caller holds the lock (`locked`).

    Temporary files, files that a merge has replaced, and trace files without a file of runs are removed.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.
    """
    for kind in ("runs", "trace"):
        for temporary in folder(results, study, kind).glob(".*.tmp"):
            temporary.unlink(missing_ok=True)
    for merged in sorted(folder(results, study, "runs").glob(f"{MERGED}*.parquet"), reverse=True):
        if not merged.exists():
            continue
        for name in json.loads(pl.read_parquet_metadata(merged).get(REPLACES, "[]")):
            for kind in ("runs", "trace"):
                (folder(results, study, kind) / name).unlink(missing_ok=True)
    runs = {path.name for path in files(results, study, "runs")}
    for trace in files(results, study, "trace"):
        if trace.name.startswith((PART, MERGED)) and trace.name not in runs:
            trace.unlink(missing_ok=True)


class RunWriter:
    """Context manager that collects runs and their traces and adds them to a study.

    Collected runs are written by a timer, when many rows have been collected, and when the context ends, also by an
    exception. The timer waits ``soonest_seconds`` at first, and later a hundredth of the time since the start (at most
    `LATEST_SECONDS`). It runs in a thread, so a long run cannot delay it; many hours make some hundreds of files, and a
    kill loses some minutes at most.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.
    provenance : mapping of str to str
        Footer metadata of the files.
    known : sequence of Path, optional
        Files of runs that the caller has read already. A run that has been recorded in another file, and did not fail,
        is not added again.
    again : bool, default False
        Whether to add runs although other files hold them.
    soonest_seconds : float, default 1.0
        Shortest time in seconds between collecting a run and writing it by the timer.
    """

    SOONEST_SECONDS, LATEST_SECONDS, SHARE = 1.0, 300.0, 0.01
    MOST_ROWS = 1 << 17

    def __init__(
        self,
        results: Path,
        study: str,
        provenance: Mapping[str, str],
        known: Sequence[Path] = (),
        again: bool = False,
        soonest_seconds: float = SOONEST_SECONDS,
    ) -> None:
        self._results, self._study, self._provenance = results, study, provenance
        self._known, self._again, self._soonest = set(known), again, soonest_seconds
        # Runs in files of other programs that have been read since: they stay excluded after the files count as known.
        self._recorded = pl.DataFrame(schema={"run_id": pl.String})
        self._rows: list[pl.DataFrame] = []
        self._traces: list[pl.DataFrame] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._error: OSError | None = None
        self._begun = time.monotonic()

    def add(self, rows: pl.DataFrame, trace: pl.DataFrame | None = None) -> None:
        """Collect runs and their traces.

        Parameters
        ----------
        rows : polars.DataFrame
            One row per run, with a column ``run_id``.
        trace : polars.DataFrame, optional
            The rows of their traces, with a column ``run_id``.

        Raises
        ------
        OSError
            If the records cannot be written, or the timer could not write earlier ones.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            self._rows.append(rows)
            if trace is not None:
                self._traces.append(trace)
            if self._timer is None:
                share = self.SHARE * (time.monotonic() - self._begun)
                seconds = min(max(share, self._soonest), self.LATEST_SECONDS)
                self._timer = threading.Timer(seconds, self._flush_in_time)
                self._timer.daemon = True
                self._timer.start()
            collected = sum(frame.height for frame in (*self._rows, *self._traces))
        if collected >= self.MOST_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write the runs and traces that have been collected.

        Raises
        ------
        OSError
            If a file cannot be written. The runs stay collected.
        """
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._rows:
                rows = pl.concat(self._rows, how="diagonal")
                written = self._write(rows, pl.concat(self._traces) if self._traces else None)
                # In this order no run is written twice, even if an interrupt comes between the statements.
                self._rows, self._traces = [], []
                self._known.update(written)

    def _flush_in_time(self) -> None:
        try:
            self.flush()
        except OSError as error:
            self._error = error

    def _write(self, rows: pl.DataFrame, trace: pl.DataFrame | None) -> list[Path]:
        with locked(self._results, self._study):
            if not self._again:
                others = [path for path in files(self._results, self._study, "runs") if path not in self._known]
                self._recorded.extend(finished_runs(others).select("run_id").collect())
                self._known.update(others)
                rows = rows.join(self._recorded, on="run_id", how="anti")
            if rows.is_empty():
                return []
            name = new_name()
            if trace is not None and not (trace := trace.join(rows, on="run_id", how="semi")).is_empty():
                write(folder(self._results, self._study, "trace"), trace, self._provenance, name)
            return [write(folder(self._results, self._study, "runs"), rows, self._provenance, name)]

    def __enter__(self) -> "RunWriter":
        for kind in ("runs", "trace"):
            prepare(folder(self._results, self._study, kind))
        with locked(self._results, self._study):
            remove_leftovers(self._results, self._study)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.flush()


def _sync_folder(path: Path) -> None:
    """Sync a folder to disk, so that a rename in it survives a crash."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
