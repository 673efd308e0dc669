"""Work that is sent to other machines in chunks, and sent again if it is lost on the way."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from adamlab.rules.symbols import ConfigurationError, Number
from experiments.sweeping.calibration import Calibration
from experiments.sweeping.chunks import Chunk, cut
from experiments.sweeping.families import Piece
from experiments.sweeping.progress import duration
from experiments.sweeping.report import FEW
from experiments.sweeping.results import Destination, PieceResult

# Seconds of runs done here to know what a run costs.
HERE_SECONDS = 1.0
# A cluster that has many places takes so many chunks for each, that a place whose chunk is done early gets another.
CHUNKS_A_JOB = 4
# The most jobs that SLURM takes in one array, as it is usually set up.
MOST_CHUNKS = 1000


@dataclass(frozen=True)
class Sizes:
    """How work is cut: chunks that take ``chunk_seconds`` on ``cores`` cores, at most ``jobs`` of them at once.

    What is lost without any run of it recorded is sent again ``retries`` times.
    """

    chunk_seconds: float
    cores: int
    jobs: int
    retries: int

    @classmethod
    def of(cls, owner: str, settings: Mapping[str, Any]) -> "Sizes":
        """The settings of these names, checked."""
        seconds = Number("", "[0.01, 1e7]").check(owner, "chunk_seconds", settings["chunk_seconds"])
        cores = Number("", "[1, 1024]", whole=True).check(owner, "cpus_per_task", settings["cpus_per_task"])
        jobs = Number("", "[1, 1000]", whole=True).check(owner, "max_jobs", settings["max_jobs"])
        retries = Number("", "[0, 100]", whole=True).check(owner, "retries", settings["retries"])
        return cls(float(seconds), int(cores), int(jobs), int(retries))

    def cut(self, work: Sequence[Piece], calibration: Calibration) -> list[list[Piece]]:
        """``work`` as it is sent away."""
        most = min(CHUNKS_A_JOB * self.jobs, MOST_CHUNKS)
        return cut(work, calibration.seconds_of_a_run, self.chunk_seconds * self.cores, most)

    def plan(self, work: Sequence[Piece], calibration: Calibration) -> str:
        """How many chunks, and how long they take."""
        parts = self.cut(work, calibration)
        cores = f"{self.cores} core" + "s" * (self.cores > 1)
        longest = max(calibration.seconds(part) for part in parts) / self.cores
        whole = duration(calibration.seconds(work))
        return f"{whole} on one core, in {len(parts):,} chunks of up to {duration(longest)} on {cores}"


@dataclass(frozen=True)
class Lost:
    """No answer will come for a chunk, and why; ``again``: it may do better when sent again."""

    why: str
    again: bool


Answer = PieceResult | Lost | ConfigurationError


class Cluster(Protocol):
    """What can do chunks; as a context manager it cancels, when left by an exception, what has not been done."""

    def send(self, chunks: Sequence[Chunk]) -> None:
        """Have these done, each by a process of its own."""

    def answers(self) -> Iterator[tuple[Chunk, Answer]]:
        """What has come since the last time, after a short wait."""


def send_away(
    name: str, sizes: Sizes, work: Sequence[Piece], destination: Destination, cluster: AbstractContextManager[Cluster]
) -> Iterator[PieceResult]:
    """Do ``work``: a little of it here, to know how long it takes, and the rest in chunks on a cluster.

    Raises `ConfigurationError` at the end if a worker has refused its chunk.
    """
    calibration = Calibration(work, HERE_SECONDS)
    yield from calibration.perform()
    left = calibration.left
    if not left:
        return
    shown = sum(piece.size for piece in work) <= FEW
    goal = replace(destination.absolute(), again=False)
    chunks = [Chunk(part, goal, sizes.cores, shown) for part in sizes.cut(left, calibration)]
    refusal: ConfigurationError | None = None
    with cluster as there:
        there.send(chunks)
        waiting = len(chunks)
        while waiting:
            for chunk, answer in there.answers():
                waiting -= 1
                if isinstance(answer, ConfigurationError):
                    refusal = answer
                elif isinstance(answer, PieceResult) and answer.runs == chunk.runs:
                    yield answer
                else:
                    lost = answer if isinstance(answer, Lost) else Lost("a worker was ended early", again=True)
                    done, again = _lost(name, chunk, lost, sizes.retries)
                    yield from done
                    if again:
                        there.send(again)
                        waiting += len(again)
    if refusal is not None:
        raise refusal


def _lost(name: str, chunk: Chunk, lost: Lost, retries: int) -> tuple[list[PieceResult], list[Chunk]]:
    """What came of a chunk that was lost, and what of it is sent again; what is not is given up."""
    recorded = chunk.recorded()
    done = [PieceResult.together([PieceResult.of(recorded, None)], chunk.shown)]
    again = chunk.rest(recorded)
    if lost.again and all(part.losses <= retries for part in again):
        if again:
            left = sum(part.runs for part in again)
            warnings.warn(f"{name}: {lost.why}; the {left:,} runs it had not recorded are sent again", stacklevel=2)
        return done, again
    return [*done, *chunk.failed(recorded, f"{name}: {lost.why}")], []


def last_error(trace: str) -> str:
    """The line of a traceback that says what was raised."""
    lines = [line for line in trace.splitlines() if re.match(r"[A-Za-z_][\w.]*(:|$)", line)]
    return lines[-1] if lines else trace.strip().splitlines()[-1]
