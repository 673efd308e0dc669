"""Merge the many small files of a study's runs and traces into few large ones.

A sweep that was interrupted often, ran on many machines, or took many hours leaves many files, and a run that was
executed again leaves a row that no longer counts. Merging rewrites a study's runs and traces, without these rows, as
files of at most `ROWS` runs. Nothing is lost if the program is ended half-way: the old files are removed only after all
new ones have been written, at the latest by the next program that writes into the study. Until then a reader that keeps
the last row of each run (`adamlab.records.reading.read`) sees the same rows.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from adamlab.records.reading import files, folder, provenance, read
from adamlab.records.schema import Kind
from adamlab.records.writing import MERGED, REPLACES, locked, new_name, remove_leftovers, write

# Largest number of runs in a merged file. The row of a run takes some tens of bytes on disk, so a file of runs stays
# below some tens of megabytes.
ROWS = 1_000_000


def merge(results: Path, study: str) -> tuple[int, int]:
    """Merge the files of runs of a study, and its files of traces.

    Parameters
    ----------
    results : Path
        Root folder of results.
    study : str
        Name of the study.

    Returns
    -------
    before, after : int
        Number of files of runs before and after the merge.

    Raises
    ------
    ConfigurationError
        For a file that is not a record.
    OSError
        If a file cannot be written.
    """
    with locked(results, study):
        remove_leftovers(results, study)
        old: dict[Kind, list[Path]] = {"runs": files(results, study, "runs"), "trace": files(results, study, "trace")}
        if not old["runs"]:
            return 0, 0
        runs, trace = read(results, study, "runs"), read(results, study, "trace")
        origins = {"merged": json.dumps(_distinct(provenance(results, study, "runs")))}
        replaces = json.dumps([path.name for paths in old.values() for path in paths])
        new = []
        for first in range(0, runs.height, ROWS):
            name, part = new_name(MERGED), runs.slice(first, ROWS)
            if first + ROWS >= runs.height:
                # The last file makes the merge complete: from then on `remove_leftovers` removes the old files.
                origins[REPLACES] = replaces
            own = trace.join(part, on="run_id", how="semi") if not trace.is_empty() else trace
            if not own.is_empty():
                write(folder(results, study, "trace"), own, origins, name)
            new.append(write(folder(results, study, "runs"), part, origins, name))
        remove_leftovers(results, study)
    return len(old["runs"]), len(new)


def _distinct(footers: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the distinct footers in order of time; of those that differ only in their time, the last one."""
    found = {json.dumps({**footer, "time": ""}, sort_keys=True): footer for footer in footers}
    return sorted(found.values(), key=lambda footer: footer.get("time", ""))
