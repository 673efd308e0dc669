"""Execute chunks of runs as arrays of jobs on a SLURM cluster, submitted by submitit."""

import contextlib
import pickle
import re
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from adamlab.records.writing import new_name, prepare
from adamlab.rules.registry import refuse_unknown
from adamlab.rules.symbols import ConfigurationError, Number
from experiments.sweeping.calibration import Calibration
from experiments.sweeping.chunks import Chunk
from experiments.sweeping.dispatch import Answer, Lost, Sizes, last_error, send_away
from experiments.sweeping.families import Piece
from experiments.sweeping.results import Destination, PieceResult

SETTINGS = (
    "partition",
    "account",
    "timeout_min",
    "cpus_per_task",
    "mem_gb",
    "max_jobs",
    "chunk_seconds",
    "retries",
    "setup",
    "additional_parameters",
)
# The lines that may prepare a job's shell; others are refused, so that a configuration cannot run any code.
SETUP = re.compile(r"module [\w./ +-]+|export [A-Za-z_]\w*=[\w.,:/@%+=-]*")
TEXT, OPTION = re.compile(r"[^\x00-\x1f]+"), re.compile(r"[a-z][a-z-]*")
# Seconds before its time limit at which a job is told to stop, so that it records its completed runs.
WARNING_SECONDS = 30
# Seconds between two looks for results, and between two questions for the states of jobs: the first intervals are the
# shortest.
LOOK_SECONDS, ASK_SECONDS = 0.1, (1.0, 15.0)
# Seconds by which a job's result may become visible after the job's end.
GRACE_SECONDS = 3.0
# Seconds that cancelled jobs have to record their completed runs.
CANCEL_SECONDS = 20.0
ENDED = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
}


class Executor:
    """The executor of ``hydra/launcher=slurm``.

    Parameters
    ----------
    settings : mapping
        The launcher's settings (`SETTINGS`).
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        try:
            import submitit  # noqa: F401
        except ModuleNotFoundError as error:
            raise ConfigurationError("slurm: needs submitit; pip install 'adamlab[slurm]'") from error
        refuse_unknown("slurm", settings, SETTINGS)
        self._sizes = Sizes.of("slurm", settings)
        self._parameters = _parameters(settings)
        if shutil.which("sbatch") is None:
            raise ConfigurationError("slurm: needs SLURM's commands; there is no sbatch here")

    def execute(self, work: Sequence[Piece], destination: Destination) -> Iterator[PieceResult]:
        """Execute runs and yield their results.

        Parameters
        ----------
        work : sequence of Piece
            The runs.
        destination : Destination
            Where the runs are recorded.

        Yields
        ------
        PieceResult
            See `experiments.sweeping.dispatch.send_away`; jobs record their runs themselves.
        """
        folder = (destination.results / destination.study / "slurm" / new_name("")).absolute()
        return send_away("slurm", self._sizes, work, destination, _Jobs(folder, self._parameters))

    def plan(self, work: Sequence[Piece], calibration: Calibration) -> str:
        """Return a phrase that says how long the runs take and in how many jobs.

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
        return self._sizes.plan(work, calibration)


def _parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Check the settings and return the parameters of `submitit.SlurmExecutor`."""
    more = dict(settings["additional_parameters"] or {})
    for name, value in more.items():
        if not OPTION.fullmatch(str(name)):
            raise ConfigurationError(f"slurm: additional_parameters must be long options of sbatch; it has {name!r}")
        _check_text(f"additional_parameters.{name}", str(value))
    setup = list(settings["setup"] or ())
    for line in setup:
        if not SETUP.fullmatch(str(line)):
            raise ConfigurationError(f"slurm: setup must be lines `module ...` or `export NAME=value`; it has {line!r}")
    parameters: dict[str, Any] = {
        "job_name": "adamlab",
        "time": Number("", "[2, 1e6]", whole=True).check("slurm", "timeout_min", settings["timeout_min"]),
        "cpus_per_task": settings["cpus_per_task"],
        "array_parallelism": settings["max_jobs"],
        "signal_delay_s": WARNING_SECONDS,
        # SLURM must not requeue: lost runs are sent again from here, in smaller chunks.
        "additional_parameters": {"no-requeue": True, **more},
    }
    for name in ("partition", "account"):
        if settings[name] is not None:
            parameters[name] = _check_text(name, settings[name])
    if settings["mem_gb"] is not None:
        gigabytes = Number("", "(0, 1e6]").check("slurm", "mem_gb", settings["mem_gb"])
        parameters["mem"] = f"{round(gigabytes * 1024)}MB"
    return parameters | ({"setup": setup} if setup else {})


def _check_text(name: str, value: Any) -> str:
    # sbatch reads its options from comments, which a line break would end.
    if not isinstance(value, str) or not TEXT.fullmatch(value):
        raise ConfigurationError(f"slurm: {name} must be a line of text; it is {value!r}")
    return value


class _Jobs:
    """The jobs of a sweep (see `experiments.sweeping.dispatch.Cluster`).

    Jobs are identified by the file in which submitit stores the result. Each array of jobs has a new folder below
    ``folder``, because SLURM may count its jobs from 1 again, and an old result would be taken for the new one.
    """

    def __init__(self, folder: Path, parameters: Mapping[str, Any]) -> None:
        self._folder, self._parameters = folder, parameters
        self._jobs: dict[Path, tuple[str, Chunk]] = {}
        self._ended: dict[Path, tuple[float, Lost]] = {}
        self._begun = self._asked = time.monotonic()
        self._arrays, self._well = 0, True

    def __enter__(self) -> "_Jobs":
        prepare(self._folder)
        return self

    def send(self, chunks: Sequence[Chunk]) -> None:
        """Submit an array with a job for each chunk."""
        import submitit
        from submitit.core.utils import FailedJobError

        executor = submitit.SlurmExecutor(self._folder / str(self._arrays))
        executor.update_parameters(**self._parameters)
        try:
            jobs = executor.map_array(_perform, chunks)
        except FailedJobError as error:
            raise ConfigurationError(f"slurm: sbatch must take the jobs; it says {_reason(str(error))}") from error
        self._jobs |= {job.paths.result_pickle: (job.job_id, chunk) for job, chunk in zip(jobs, chunks, strict=True)}
        self._arrays, self._begun = self._arrays + 1, time.monotonic()

    def answers(self) -> Iterator[tuple[Chunk, Answer]]:
        """Yield the results that are ready, and the losses of jobs that have ended without one."""
        time.sleep(LOOK_SECONDS)
        for path in self._results():
            with path.open("rb") as file:
                outcome, value = pickle.load(file)
            self._ended.pop(path, None)
            job, chunk = self._jobs.pop(path)
            yield chunk, self._returned(job, chunk, value) if outcome == "success" else self._failed(job, value)
        now = time.monotonic()
        first, last = ASK_SECONDS
        if now - self._asked > min(last, max(first, (now - self._begun) / 10)):
            self._asked = now
            self._ask(now)
        for path, (since, lost) in list(self._ended.items()):
            if now - since > GRACE_SECONDS:
                del self._ended[path]
                self._well = False
                yield self._jobs.pop(path)[1], lost

    def _results(self) -> list[Path]:
        """Return the result files that exist."""
        found: list[Path] = []
        for folder in {path.parent for path in self._jobs}:
            # A network file system rereads a folder after its metadata has been changed.
            with contextlib.suppress(OSError):
                folder.chmod(folder.stat().st_mode)
            found.extend(path for path in folder.iterdir() if path in self._jobs)
        return found

    def _returned(self, job: str, chunk: Chunk, done: PieceResult) -> Answer:
        """Return the result of a job, or a loss if the job was told to stop before all its runs were done."""
        if done.runs == chunk.runs:
            return done
        self._well = False
        return Lost(f"job {job} stopped before all its runs were done", again=True)

    def _failed(self, job: str, trace: str) -> Answer:
        """Return what a Python error in a job means: a refusal, or a loss."""
        self._well = False
        said = last_error(trace)
        kind, _, message = said.partition(": ")
        if kind.rpartition(".")[2] == ConfigurationError.__name__:
            return ConfigurationError(message)
        return Lost(f"job {job} failed: {said}", again=False)

    def _ask(self, now: float) -> None:
        """Ask SLURM which jobs have ended. A job that SLURM no longer knows will not answer either."""
        states = self._states()
        if states is None:
            return
        for path, (job, _) in self._jobs.items():
            state, node = states.get(job, ("UNKNOWN", ""))
            if state in ENDED or state == "UNKNOWN":
                where = f" on {node}" if node else ""
                lost = Lost(f"job {job} ended without a result ({state}{where})", again=state != "CANCELLED")
                self._ended.setdefault(path, (now, lost))

    def _states(self) -> dict[str, tuple[str, str]] | None:
        """Return state and node of each job; None if SLURM does not answer."""
        jobs = f"--jobs={','.join(self._array_ids())}"
        line = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%N", jobs]
        asked = subprocess.run(line, capture_output=True, text=True, check=False)
        if asked.returncode != 0:
            return {} if "Invalid job id" in asked.stderr else None
        answers = (line.split("|") for line in asked.stdout.splitlines())
        return {job: (state, node) for job, state, node in answers}

    def _array_ids(self) -> list[str]:
        return sorted({job.partition("_")[0] for job, _ in self._jobs.values()})

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None and self._jobs:
            self._cancel()
        if self._arrays == 0 or (self._well and error is None):
            shutil.rmtree(self._folder)
            with contextlib.suppress(OSError):
                self._folder.parent.rmdir()
        else:
            warnings.warn(f"slurm: the logs of the jobs are in {self._folder}", stacklevel=2)

    def _cancel(self) -> None:
        """Cancel all jobs, and wait until they have ended or `CANCEL_SECONDS` have passed."""
        subprocess.run(["scancel", *self._array_ids()], capture_output=True, check=False)
        warnings.warn(f"slurm: cancelled {len(self._jobs):,} jobs; finished runs are recorded", stacklevel=2)
        until = time.monotonic() + CANCEL_SECONDS
        while time.monotonic() < until:
            states = self._states()
            if states is not None and all(
                states.get(job, ("CANCELLED", ""))[0] in ENDED for job, _ in self._jobs.values()
            ):
                return
            time.sleep(LOOK_SECONDS)


def _perform(chunk: Chunk) -> PieceResult:
    """Execute a chunk in a job."""
    import os

    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, _stop)
    return chunk.perform("slurm", job=os.environ["SLURM_JOB_ID"], node=os.environ["SLURMD_NODENAME"])


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _reason(text: str) -> str:
    """Return the error message in the output of sbatch."""
    said = [line for line in text.splitlines() if "sbatch: error" in line]
    return said[-1].partition("sbatch: error: ")[2].strip() if said else text.splitlines()[0]
