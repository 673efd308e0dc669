"""Execute chunks of runs as tasks of Ray, on a cluster or on this machine."""

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from adamlab.rules.registry import refuse_unknown
from adamlab.rules.symbols import ConfigurationError, Number
from experiments.sweeping.calibration import Calibration
from experiments.sweeping.chunks import Chunk
from experiments.sweeping.dispatch import Answer, Lost, Sizes, last_error, send_away
from experiments.sweeping.families import Piece
from experiments.sweeping.results import Destination, PieceResult

SETTINGS = ("address", "num_cpus", "cpus_per_task", "max_jobs", "chunk_seconds", "retries")
LOOK_SECONDS = 0.2
# Seconds that cancelled tasks have to record their completed runs.
CANCEL_SECONDS = 20.0
# Size of Ray's object store on this machine in bytes: small, because workers write their records themselves.
STORE_BYTES = 1 << 28


class Executor:
    """The executor of ``hydra/launcher=ray``.

    Parameters
    ----------
    settings : mapping
        The launcher's settings (`SETTINGS`).
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        # Ray reads this when it is imported, and then sends no usage statistics.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        try:
            import ray  # noqa: F401
        except ModuleNotFoundError as error:
            raise ConfigurationError("ray: needs Ray; pip install 'adamlab[ray]'") from error
        refuse_unknown("ray", settings, SETTINGS)
        self._sizes = Sizes.of("ray", settings)
        self._connection = _connection(settings)

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
            See `experiments.sweeping.dispatch.send_away`; tasks record their runs themselves.
        """
        return send_away("ray", self._sizes, work, destination, _Tasks(self._connection, self._sizes.cores))

    def plan(self, work: Sequence[Piece], calibration: Calibration) -> str:
        """Return a phrase that says how long the runs take and in how many tasks.

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


def _connection(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Check the settings and return the arguments of `ray.init`."""
    address, cores = settings["address"], settings["num_cpus"]
    if address is not None and (not isinstance(address, str) or not address):
        raise ConfigurationError(
            f"ray: address must be the address of a cluster's head node, or null; it is {address!r}"
        )
    if cores is not None:
        cores = Number("", "[1, 1024]", whole=True).check("ray", "num_cpus", cores)
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    if address is not None:
        if cores is not None:
            raise ConfigurationError(f"ray: num_cpus must be null if address is given; it is {cores}")
        return {"address": address, **quiet}
    # If only this machine is used, Ray must not listen on the network.
    alone = {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    return {**alone, "num_cpus": cores, "object_store_memory": STORE_BYTES, **quiet}


class _Tasks:
    """The tasks of a sweep (see `experiments.sweeping.dispatch.Cluster`)."""

    def __init__(self, connection: Mapping[str, Any], cores: int) -> None:
        self._connection, self._cores = connection, cores
        self._chunks: dict[Any, Chunk] = {}

    def __enter__(self) -> "_Tasks":
        import ray

        try:
            ray.init(**self._connection)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise ConfigurationError(
                f"ray: address must be the address of a running cluster, or null; {reason}"
            ) from error
        # Ray must not retry: `experiments.sweeping.dispatch.send_away` decides what is sent again.
        self._perform = ray.remote(num_cpus=self._cores, max_retries=0)(_perform)
        return self

    def send(self, chunks: Sequence[Chunk]) -> None:
        """Submit a task for each chunk."""
        self._chunks |= {self._perform.remote(chunk): chunk for chunk in chunks}

    def answers(self) -> Iterator[tuple[Chunk, Answer]]:
        """Yield the results that are ready, and the losses of tasks whose worker has ended."""
        import ray

        ready, _ = ray.wait(list(self._chunks), num_returns=1, timeout=LOOK_SECONDS)
        for task in ready:
            yield self._chunks.pop(task), _answer(task)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        import ray

        if error is not None and self._chunks:
            for task in self._chunks:
                with contextlib.suppress(ray.exceptions.RayError):
                    ray.cancel(task, force=False)
            warnings.warn(f"ray: cancelled {len(self._chunks):,} tasks; finished runs are recorded", stacklevel=2)
            ray.wait(list(self._chunks), num_returns=len(self._chunks), timeout=CANCEL_SECONDS)
        ray.shutdown()


def _answer(task: Any) -> Answer:
    """Return what a finished task has returned, or what its error means."""
    import ray

    try:
        done: PieceResult = ray.get(task)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ConfigurationError):
            return ConfigurationError(str(error.cause))
        return Lost(f"a task failed: {last_error(str(error))}", again=False)
    except ray.exceptions.RayError as error:
        kind = type(error).__name__
        return Lost(f"a worker was lost ({kind})", again=kind != "TaskCancelledError")
    return done


def _perform(chunk: Chunk) -> PieceResult:
    """Execute a chunk in a task."""
    import ray

    return chunk.perform("ray", node=ray.get_runtime_context().get_node_id())
