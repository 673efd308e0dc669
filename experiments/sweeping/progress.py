"""Show the progress of a sweep: a bar on a terminal, otherwise a line at intervals."""

import sys
import time

from tqdm import tqdm

EVERY_SECONDS = 10.0


class Progress:
    """Counts the completed runs of a sweep and shows them on standard error.

    It is used as a context manager.

    Parameters
    ----------
    runs : int
        Number of runs to execute.
    quiet : bool
        Whether to print no lines if standard error is not a terminal.
    """

    def __init__(self, runs: int, quiet: bool) -> None:
        self._runs, self._done, self._failed = runs, 0, 0
        self._quiet = quiet
        self._begun = self._said = time.perf_counter()
        self._bar = (
            tqdm(total=runs, unit=" runs", unit_scale=True, dynamic_ncols=True, leave=False) if _watched() else None
        )

    def advance(self, runs: int, failed: int) -> None:
        """Count runs that are completed.

        Parameters
        ----------
        runs : int
            How many are completed since the last call.
        failed : int
            How many of these failed.
        """
        self._done += runs
        self._failed += failed
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self._failed:,} failed", refresh=False)
            self._bar.update(runs)
        elif not self._quiet and (now := time.perf_counter()) - self._said >= EVERY_SECONDS:
            self._said = now
            print(self._line(now - self._begun), file=sys.stderr, flush=True)

    def _line(self, seconds: float) -> str:
        rate = self._done / seconds
        left = duration((self._runs - self._done) / rate)
        return f"{self._done:,} of {self._runs:,} runs, {rate:,.0f} a second, {self._failed:,} failed, {left} left"

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._begun

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def duration(seconds: float) -> str:
    """Return a time with a suitable unit, such as ``40 s``, ``5 min`` or ``3.2 h``.

    Parameters
    ----------
    seconds : float
        The time in seconds.

    Returns
    -------
    str
    """
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _watched() -> bool:
    return sys.stderr.isatty()
