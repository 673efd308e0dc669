"""How records are added: whole files, once, whatever ends the program that writes them.

A file appears whole or not at all: it is written under a temporary name, synced, and renamed. Runs are added under the
lock of their study, and a run that somebody else has recorded meanwhile is left out, so several programs may fill one
study. The trace of a run is written before its row, in a file of the same name: a row that is there is complete, and a
trace file without its twin is what a killed program left; the next one to write into the study removes it.
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

# What the name of a file of added runs begins with, and of one that others were merged into: it sorts as the older.
PART, MERGED = "part-", "merged-"
# The entry in the footer of the last of some merged files that names those they replace.
REPLACES = "replaces"


def write(path: Path, frame: pl.DataFrame, provenance: Mapping[str, str], name: str | None = None) -> Path:
    """Write ``frame`` as a new file in folder ``path``, with ``provenance`` in its footer. Returns the file.

    Raises `OSError` that names the file if it cannot be written; then nothing of it stays behind.
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
    """A name that no other file has, later in the alphabet than earlier ones of the same prefix."""
    return f"{prefix}{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}"


def prepare(path: Path) -> None:
    """Make a folder for records, or refuse it in one sentence before anything has been computed for it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"records: cannot make the folder {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise ConfigurationError(f"records: cannot write into the folder {path}")


@contextmanager
def locked(results: Path, study: str) -> Iterator[None]:
    """Hold a study against all others who would change it; the lock ends with the process, however that ends."""
    with FileLock(results / study / ".lock"):
        yield


def remove_leftovers(results: Path, study: str) -> None:
    """Remove what a writer that was killed, or a merge, left behind; call it with the study `locked`."""
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
    """Collects runs and their traces, and adds them to a study now and then and at the end, whatever ends it.

    Used as a context manager. What has been collected is written by a timer, so a long run that comes after is no
    danger to it: after ``soonest_seconds`` at first, later after a hundredth of the time since the start, so that many
    hours make some hundreds of files and no kill costs more than some minutes. ``known`` are the files whose runs the
    caller has seen already: runs recorded in any other file since are not added again, unless ``again``.
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
        # The runs of files that have been read since: they stay recorded by others after their files are known.
        self._recorded = pl.DataFrame(schema={"run_id": pl.String})
        self._rows: list[pl.DataFrame] = []
        self._traces: list[pl.DataFrame] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._error: OSError | None = None
        self._begun = time.monotonic()

    def add(self, rows: pl.DataFrame, trace: pl.DataFrame | None = None) -> None:
        """Take in runs, a row each with ``run_id``, and the rows of their traces if they kept any."""
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
        """Write what has been collected."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._rows:
                rows = pl.concat(self._rows, how="diagonal")
                written = self._write(rows, pl.concat(self._traces) if self._traces else None)
                # In this order: whatever interrupts here, no run is written twice.
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
    """Make a rename in ``path`` last; a system that cannot sync a folder keeps the rename anyway."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
