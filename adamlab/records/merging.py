"""Many small files of records into few large ones, with what still holds of them.

A sweep that was interrupted often, ran on many machines, or took many hours leaves many files; a run that was taken
again leaves a row that no longer counts. Merging rewrites a study's runs and traces as files of at most `ROWS` rows.
Whatever ends it half-way, nothing is lost: the old files go when the new ones are there, at the latest when somebody
writes into the study again, and until then a reader that keeps the last row of each run (`adamlab.records.reading.read`) sees
the same.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from adamlab.records.reading import files, folder, provenance, read
from adamlab.records.schema import Kind
from adamlab.records.writing import MERGED, REPLACES, locked, new_name, remove_leftovers, write

# A run's row takes some tens of bytes on disk, so a file stays below some tens of megabytes.
ROWS = 1_000_000


def merge(results: Path, study: str) -> tuple[int, int]:
    """Merge a study's files of runs, and those of traces; returns how many there were, and how many there are.

    Raises `ConfigurationError` for a file that is no record.
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
                # With the last file all is there: from then on `remove_leftovers` finishes what is begun.
                origins[REPLACES] = replaces
            own = trace.join(part, on="run_id", how="semi") if not trace.is_empty() else trace
            if not own.is_empty():
                write(folder(results, study, "trace"), own, origins, name)
            new.append(write(folder(results, study, "runs"), part, origins, name))
        remove_leftovers(results, study)
    return len(old["runs"]), len(new)


def _distinct(footers: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The footers that differ in more than their time, the latest of each."""
    found = {json.dumps({**footer, "time": ""}, sort_keys=True): footer for footer in footers}
    return sorted(found.values(), key=lambda footer: footer.get("time", ""))
