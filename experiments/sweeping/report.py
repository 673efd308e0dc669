"""Report the runs of a sweep: a line for each of a few, counts by status, and at the end a table of failures."""

from collections.abc import Iterable, Mapping
from typing import Any

from tqdm import tqdm

from experiments.sweeping.results import PieceResult, SweepResult

# Largest sweep, in runs, that reports each run on a line of its own.
FEW = 100
# Largest number of different failure messages in the table.
SHOWN = 20


class Report:
    """Prints the results of a sweep as they come, and collects what is reported at the end.

    Parameters
    ----------
    runs : int
        Number of runs of the sweep.
    recorded : iterable of mapping or None
        The records of the runs that are not executed again; None for a sweep whose runs are not reported one by one.
    """

    def __init__(self, runs: int, recorded: Iterable[Mapping[str, Any]] | None) -> None:
        self._runs = runs
        self._rows: dict[str, Mapping[str, Any]] | None = None if recorded is None else {}
        self._all = PieceResult({}, {})
        for row in recorded or ():
            self._show(row, " (recorded before)")

    def take(self, done: PieceResult) -> None:
        """Add the result of some runs, and print a line for each run if they are reported one by one.

        Parameters
        ----------
        done : PieceResult
            The result.
        """
        self._all = PieceResult.together([self._all, done], rows=False)
        if self._rows is not None and done.rows is not None:
            for row in done.rows.iter_rows(named=True):
                self._show(row, "")

    def close(self) -> None:
        """Print the counts by status and the failures."""
        statuses, failures = self._all.statuses, self._all.failures
        if self._rows is None and statuses:
            counts = sorted(statuses.items(), key=lambda item: -item[1])
            self.say(", ".join(f"{count:,} {status}" for status, count in counts))
        if failures and self._runs > 1:
            self.say(f"{self._failed:,} failed:")
            for message, (count, row) in sorted(failures.items(), key=lambda item: -item[1][0])[:SHOWN]:
                self.say(f"{count:>9,}  {message}; for example {what(row)}")
            if len(failures) > SHOWN:
                self.say(f"{len(failures) - SHOWN:>9,}  other messages: see the column error of the records")

    def say(self, line: str) -> None:
        """Print a line on standard output, above a progress bar if there is one.

        Parameters
        ----------
        line : str
            The line.
        """
        tqdm.write(line)

    @property
    def outcome(self) -> SweepResult:
        """The result of the sweep."""
        return SweepResult(self._failed, self._rows or {})

    @property
    def _failed(self) -> int:
        return self._all.statuses.get("failed", 0)

    def _show(self, row: Mapping[str, Any], remark: str) -> None:
        assert self._rows is not None
        self._rows[row["run_id"]] = row
        self.say(_line(row) + remark)


def what(row: Mapping[str, Any]) -> str:
    """Return a phrase that says which run a record is of.

    Parameters
    ----------
    row : mapping
        The record.

    Returns
    -------
    str
        Optimizer, learning rate, objective, dim and backend.
    """
    rate = f" (lr {row['optimizer.lr']:g})" if row.get("optimizer.lr") is not None else ""
    return f"{row['optimizer']}{rate} on {row['objective']}, dim {row['dim']}, {row['backend']}"


def _line(row: Mapping[str, Any]) -> str:
    if row["status"] == "failed":
        return f"{what(row)}: failed: {row['error']}"
    rule = f" ({row['stopped_by']})" if row["stopped_by"] not in (None, "tol") else ""
    return f"{what(row)}: {row['status']}{rule} after {row['steps']} steps, loss {row['loss']:.6g}"
