"""Send work to other machines in chunks, and send again what is lost."""

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

# Seconds of runs that are executed here to measure what a run costs.
HERE_SECONDS = 1.0
# Number of chunks for each job that may run at once: where a chunk is done early, another one takes its place.
CHUNKS_A_JOB = 4
# SLURM's usual limit on the number of jobs in one array.
MOST_CHUNKS = 1000


@dataclass(frozen=True)
class Sizes:
    """How work is divided into chunks.

    Attributes
    ----------
    chunk_seconds : float
        How long a chunk should take on its worker, in seconds.
    cores : int
        Number of cores of a worker.
    jobs : int
        Largest number of chunks that are executed at the same time.
    retries : int
        How often a chunk is sent again that was lost without any of its runs recorded.
    """

    chunk_seconds: float
    cores: int
    jobs: int
    retries: int

    @classmethod
    def of(cls, owner: str, settings: Mapping[str, Any]) -> "Sizes":
        """Check the settings of a launcher and return its sizes.

        Parameters
        ----------
        owner : str
            The launcher's name, for error messages.
        settings : mapping
            ``chunk_seconds``, ``cpus_per_task``, ``max_jobs`` and ``retries``; others are ignored.

        Returns
        -------
        Sizes

        Raises
        ------
        ConfigurationError
            For a value out of range.
        """
        seconds = Number("", "[0.01, 1e7]").check(owner, "chunk_seconds", settings["chunk_seconds"])
        cores = Number("", "[1, 1024]", whole=True).check(owner, "cpus_per_task", settings["cpus_per_task"])
        jobs = Number("", "[1, 1000]", whole=True).check(owner, "max_jobs", settings["max_jobs"])
        retries = Number("", "[0, 100]", whole=True).check(owner, "retries", settings["retries"])
        return cls(float(seconds), int(cores), int(jobs), int(retries))

    def cut(self, work: Sequence[Piece], calibration: Calibration) -> list[list[Piece]]:
        """Divide work into the runs of each chunk.

        Parameters
        ----------
        work : sequence of Piece
            The runs.
        calibration : Calibration
            What a run costs.

        Returns
        -------
        list of list of Piece
        """
        most = min(CHUNKS_A_JOB * self.jobs, MOST_CHUNKS)
        return cut(work, calibration.seconds_of_a_run, self.chunk_seconds * self.cores, most)

    def plan(self, work: Sequence[Piece], calibration: Calibration) -> str:
        """Return a phrase that says how long the work takes and in how many chunks it is sent.

        Parameters
        ----------
        work : sequence of Piece
            The runs; at least one.
        calibration : Calibration
            What a run costs.

        Returns
        -------
        str
        """
        parts = self.cut(work, calibration)
        cores = f"{self.cores} core" + "s" * (self.cores > 1)
        longest = max(calibration.seconds(part) for part in parts) / self.cores
        whole = duration(calibration.seconds(work))
        return f"{whole} on one core, in {len(parts):,} chunks of up to {duration(longest)} on {cores}"


@dataclass(frozen=True)
class Lost:
    """The answer for a chunk whose result will not come.

    Attributes
    ----------
    why : str
        The reason, in a clause.
    again : bool
        Whether sending the chunk again may succeed.
    """

    why: str
    again: bool


Answer = PieceResult | Lost | ConfigurationError


class Cluster(Protocol):
    """Workers that execute chunks.

    It is used as a context manager. If the block is left by an exception, the chunks that are not done are cancelled.
    """

    def send(self, chunks: Sequence[Chunk]) -> None:
        """Submit each chunk, to be executed by a process of its own.

        Parameters
        ----------
        chunks : sequence of Chunk
            The chunks.
        """

    def answers(self) -> Iterator[tuple[Chunk, Answer]]:
        """Yield the answers that have come since the last call, after a short wait.

        Yields
        ------
        tuple of (Chunk, Answer)
            A chunk that was sent, and its result, its loss, or its worker's refusal.
        """


def send_away(
    name: str, sizes: Sizes, work: Sequence[Piece], destination: Destination, cluster: AbstractContextManager[Cluster]
) -> Iterator[PieceResult]:
    """Execute a little of the work here, to measure how long it takes, and the rest in chunks on a cluster.

    Parameters
    ----------
    name : str
        The cluster's name, for messages.
    sizes : Sizes
        How the work is divided.
    work : sequence of Piece
        The runs.
    destination : Destination
        Where they are recorded.
    cluster : context manager of Cluster
        Entered only if work is left after the first runs.

    Yields
    ------
    PieceResult
        The results of workers are recorded already. Those of runs that were executed here or given up are not.

    Raises
    ------
    ConfigurationError
        At the end, if a worker has refused its chunk.
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
                    lost = (
                        answer
                        if isinstance(answer, Lost)
                        else Lost("a worker stopped before all its runs were done", again=True)
                    )
                    done, again = _lost(name, chunk, lost, sizes.retries)
                    yield from done
                    if again:
                        there.send(again)
                        waiting += len(again)
    if refusal is not None:
        raise refusal


def _lost(name: str, chunk: Chunk, lost: Lost, retries: int) -> tuple[list[PieceResult], list[Chunk]]:
    """Return the results of the recorded and the given-up runs of a lost chunk, and the chunks to send again."""
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
    """Return the line of a traceback that names the exception.

    Parameters
    ----------
    trace : str
        The text of a traceback.

    Returns
    -------
    str
        Such as ``ValueError: message``; the last line if no line has this form.
    """
    lines = [line for line in trace.splitlines() if re.match(r"[A-Za-z_][\w.]*(:|$)", line)]
    return lines[-1] if lines else trace.strip().splitlines()[-1]
