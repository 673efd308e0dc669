"""The lab's launcher: composes and checks every job of a sweep, then hands all of them to the program at once."""

from collections.abc import Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict


class LocalLauncher(Launcher):
    """Runs a sweep's jobs in this process, together.

    A program that can work on many configurations at once has its function for that as the attribute ``together`` of
    its task function; so a mistake in any job is refused before the first one runs, and what is timed can be timed
    in turns. Hydra's own launchers run the same programs, one job after another.
    """

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """What Hydra hands over before `launch`."""
        self._context, self._task, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs given by their overrides; one return a job."""
        jobs = [self._compose(overrides, initial_job_idx + i) for i, overrides in enumerate(job_overrides)]
        together: Any = self._task.together  # type: ignore[attr-defined]
        together(jobs)
        return [
            JobReturn(overrides=overrides, cfg=job, status=JobStatus.COMPLETED)
            for overrides, job in zip(job_overrides, jobs, strict=True)
        ]

    def _compose(self, overrides: Sequence[str], number: int) -> DictConfig:
        job = self._context.config_loader.load_sweep_config(self._config, list(overrides))
        with open_dict(job):
            job.hydra.job.id = str(number)
            job.hydra.job.num = number
        # What a job's values say of the job itself (${hydra:job.num}) has to be read while it is the current one.
        HydraConfig.instance().set_config(job)
        for key in job:
            if key != "hydra" and OmegaConf.is_config(job[key]):
                OmegaConf.resolve(job[key])
            elif key != "hydra":
                job[key] = job[key]
        return job


ConfigStore.instance().store(
    group="hydra/launcher",
    name="local",
    node={"_target_": "hydra_plugins.adamlab_sweep.local_launcher.LocalLauncher"},
    provider="adamlab",
)
