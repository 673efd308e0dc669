"""Execute runs on this machine: compiled ones in threads, the others in this process or in several processes.

A compiled loop releases Python's global interpreter lock, so threads of this process share its kernels. Runs that
hold the lock (the python and numpy backends, rules on matrices, functions that are called) are executed here at
first; what is left after some seconds is passed to processes.
"""

import os
import time
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

from adamlab.rules.registry import refuse_unknown
from adamlab.rules.stopping import INTERRUPTED
from adamlab.rules.symbols import Number
from experiments.sweeping.calibration import Calibration
from experiments.sweeping.families import Piece
from experiments.sweeping.portions import Portions
from experiments.sweeping.progress import duration
from experiments.sweeping.results import Destination, PieceResult

WORKERS = Number("", "[1, 1024]", whole=True)
# Seconds of work with Python's lock after which it pays to start processes, and the number of runs in a piece for them.
ALONE_SECONDS, SHARED_RUNS = 4.0, 16
# Seconds after which an interrupt is noticed at the latest.
HEARD_SECONDS = 0.1

Turn = tuple[Portions, Piece]


class Executor:
    """The executor of ``hydra/launcher=local``.

    Parameters
    ----------
    settings : mapping
        ``workers``, the number of cores to use (None: all).
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        refuse_unknown("local", settings, ("workers",))
        given = settings.get("workers")
        self._workers = len(os.sched_getaffinity(0)) if given is None else WORKERS.check("local", "workers", given)

    def execute(self, work: Sequence[Piece], destination: Destination) -> Iterator[PieceResult]:  # noqa: ARG002
        """Execute runs and yield their results.

        Parameters
        ----------
        work : sequence of Piece
            The runs.
        destination : Destination
            Not used, because the caller records the results.

        Yields
        ------
        PieceResult
            The results; they are not recorded yet.
        """
        compiled = [piece for piece in work if piece.is_compiled]
        turns = ((portions, piece) for portions in map(Portions, compiled) for piece in portions)
        alone = self._workers == 1 or sum(piece.size for piece in compiled) <= 1
        yield from map(_perform, turns) if alone else _in_threads(turns, self._workers)
        yield from _called([piece for piece in work if not piece.is_compiled], self._workers)

    def plan(self, work: Sequence[Piece], calibration: Calibration) -> str:
        """Return a phrase that says how long the runs take on one core.

        Parameters
        ----------
        work : sequence of Piece
            The runs.
        calibration : Calibration
            What a run costs.

        Returns
        -------
        str
        """
        return f"{duration(calibration.seconds(work))} on one core"


def _perform(turn: Turn) -> PieceResult:
    portions, piece = turn
    begun = time.perf_counter()
    done = PieceResult.of(*piece.perform())
    portions.took(piece, time.perf_counter() - begun)
    return done


def _in_threads(turns: Iterator[Turn], workers: int) -> Iterator[PieceResult]:
    """Yield the results of the portions in order.

    After an interrupt the portions under way are completed and yielded, except those of a single run, which is ended.
    """
    INTERRUPTED.clear()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="sweep")
    waiting: deque[Future[PieceResult]] = deque()
    try:
        # A few portions are submitted ahead of the one that is yielded next.
        waiting.extend(pool.submit(_perform, turn) for turn in islice(turns, 2 * workers))
        while waiting:
            # With Polars' signal handler a wait goes on after a signal; an interrupt is noticed between two waits.
            while not wait([waiting[0]], HEARD_SECONDS).done:
                pass
            done = waiting[0].result()
            waiting.popleft()
            waiting.extend(pool.submit(_perform, turn) for turn in islice(turns, 1))
            yield done
    except KeyboardInterrupt:
        INTERRUPTED.set()
        pool.shutdown(wait=True, cancel_futures=True)
        yield from (future.result() for future in waiting if not future.cancelled() and future.exception() is None)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _called(work: Sequence[Piece], workers: int) -> Iterator[PieceResult]:
    """Execute runs that hold Python's lock: here for `ALONE_SECONDS`, then in processes."""
    begun = time.perf_counter()
    waiting = deque(map(Portions, work))
    while waiting:
        if workers > 1 and time.perf_counter() - begun > ALONE_SECONDS:
            yield from _in_processes([portions.left for portions in waiting], workers)
            return
        piece = next(waiting[0], None)
        if piece is None:
            waiting.popleft()
        else:
            yield _perform((waiting[0], piece))


def _in_processes(work: Sequence[Piece], workers: int) -> Iterator[PieceResult]:
    # Importing joblib takes a tenth of the program's start-up time, and most sweeps do not need it.
    import joblib

    pieces = (piece.part(first, first + SHARED_RUNS) for piece in work for first in range(0, piece.size, SHARED_RUNS))
    with warnings.catch_warnings():
        # joblib warns if the sweep ends before all its pieces are done; the program has reported that already.
        warnings.filterwarnings("ignore", message=".*still being processed by the workers")
        yield from joblib.Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs")(
            joblib.delayed(_perform_there)(piece) for piece in pieces
        )


def _perform_there(piece: Piece) -> PieceResult:
    return PieceResult.of(*piece.perform())
