"""The cores of this machine: threads for what is compiled, processes for the rest if there is much of it.

A compiled loop leaves Python's lock to others, so threads of this process share its kernels. Whatever holds the lock
(the python and numpy backends, rules on matrices, functions that are called) is run here while it is little; what is
left after some seconds goes to processes of their own.
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
# Seconds of work with Python's lock after which processes are worth their start, and the runs of a piece for them.
ALONE_SECONDS, SHARED_RUNS = 4.0, 16
# How soon an interrupt is heard.
HEARD_SECONDS = 0.1

Turn = tuple[Portions, Piece]


class Executor:
    """``settings`` has ``workers``, how many cores to use (None: all)."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        refuse_unknown("local", settings, ("workers",))
        given = settings.get("workers")
        self._workers = len(os.sched_getaffinity(0)) if given is None else WORKERS.check("local", "workers", given)

    def execute(self, work: Sequence[Piece], destination: Destination) -> Iterator[PieceResult]:  # noqa: ARG002
        """Do ``work``; it is for the caller to record it."""
        compiled = [piece for piece in work if piece.is_compiled]
        turns = ((portions, piece) for portions in map(Portions, compiled) for piece in portions)
        alone = self._workers == 1 or sum(piece.size for piece in compiled) <= 1
        yield from map(_perform, turns) if alone else _in_threads(turns, self._workers)
        yield from _called([piece for piece in work if not piece.is_compiled], self._workers)

    def plan(self, work: Sequence[Piece], calibration: Calibration) -> str:
        """How long it takes."""
        return f"{duration(calibration.seconds(work))} on one core"


def _perform(turn: Turn) -> PieceResult:
    portions, piece = turn
    begun = time.perf_counter()
    done = PieceResult.of(*piece.perform())
    portions.took(piece, time.perf_counter() - begun)
    return done


def _in_threads(turns: Iterator[Turn], workers: int) -> Iterator[PieceResult]:
    """The pieces in order. On an interrupt those under way are waited for, if they are not of a single run."""
    INTERRUPTED.clear()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="sweep")
    waiting: deque[Future[PieceResult]] = deque()
    try:
        # A few pieces wait ahead of the one that is asked for.
        waiting.extend(pool.submit(_perform, turn) for turn in islice(turns, 2 * workers))
        while waiting:
            # Polars' handler of signals has a wait go on as if nothing were: an interrupt is heard between two of them.
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
    # Importing it takes a tenth of the start of a program that mostly does without.
    import joblib

    pieces = (piece.part(first, first + SHARED_RUNS) for piece in work for first in range(0, piece.size, SHARED_RUNS))
    with warnings.catch_warnings():
        # Said when the sweep ends before its pieces do, which is said already.
        warnings.filterwarnings("ignore", message=".*still being processed by the workers")
        yield from joblib.Parallel(n_jobs=workers, return_as="generator", pre_dispatch="2*n_jobs")(
            joblib.delayed(_perform_there)(piece) for piece in pieces
        )


def _perform_there(piece: Piece) -> PieceResult:
    return PieceResult.of(*piece.perform())
