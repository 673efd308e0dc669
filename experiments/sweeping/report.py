"""What a sweep says of its runs: a line for each of a few, how many ended how, and a table of failures at the end."""

from collections.abc import Iterable, Mapping
from typing import Any

from tqdm import tqdm

from experiments.sweeping.results import PieceResult, SweepResult

# A sweep of so many runs says what came of each.
FEW = 100
# The different failures that are shown.
SHOWN = 20


class Report:
    """Says what comes of a sweep of ``runs`` runs, and remembers what has to be said at the end.

    ``recorded`` are the records of those that need not be run, or None for a sweep of many, which are not shown.
    """

    def __init__(self, runs: int, recorded: Iterable[Mapping[str, Any]] | None) -> None:
        self._runs = runs
        self._rows: dict[str, Mapping[str, Any]] | None = None if recorded is None else {}
        self._all = PieceResult({}, {})
        for row in recorded or ():
            self._show(row, " (recorded before)")

    def take(self, done: PieceResult) -> None:
        """Take in a piece."""
        self._all = PieceResult.together([self._all, done], rows=False)
        if self._rows is not None and done.rows is not None:
            for row in done.rows.iter_rows(named=True):
                self._show(row, "")

    def close(self) -> None:
        """Say how many ended how, and the failures."""
        statuses, failures = self._all.statuses, self._all.failures
        if self._rows is None and statuses:
            counts = sorted(statuses.items(), key=lambda item: -item[1])
            self.say(", ".join(f"{count:,} {status}" for status, count in counts))
        if failures and self._runs > 1:
            self.say(f"{self._failed:,} failed:")
            for message, (count, row) in sorted(failures.items(), key=lambda item: -item[1][0])[:SHOWN]:
                self.say(f"{count:>9,}  {message}; such as {what(row)}")
            if len(failures) > SHOWN:
                self.say(f"{len(failures) - SHOWN:>9,}  other messages; the column error of the records has them all")

    def say(self, line: str) -> None:
        """A line on standard output, above a bar if there is one."""
        tqdm.write(line)

    @property
    def outcome(self) -> SweepResult:
        """What came of it."""
        return SweepResult(self._failed, self._rows or {})

    @property
    def _failed(self) -> int:
        return self._all.statuses.get("failed", 0)

    def _show(self, row: Mapping[str, Any], remark: str) -> None:
        assert self._rows is not None
        self._rows[row["run_id"]] = row
        self.say(_line(row) + remark)


def what(row: Mapping[str, Any]) -> str:
    """Which run a record is of, in a phrase."""
    rate = f" (lr {row['optimizer.lr']:g})" if row.get("optimizer.lr") is not None else ""
    return f"{row['optimizer']}{rate} on {row['objective']}, dim {row['dim']}, {row['backend']}"


def _line(row: Mapping[str, Any]) -> str:
    if row["status"] == "failed":
        return f"{what(row)}: failed: {row['error']}"
    rule = f" ({row['stopped_by']})" if row["stopped_by"] not in (None, "tol") else ""
    return f"{what(row)}: {row['status']}{rule} after {row['steps']} steps, loss {row['loss']:.6g}"
