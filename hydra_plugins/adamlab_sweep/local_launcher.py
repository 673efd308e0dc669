"""The lab's launchers: they hand a whole sweep to the program, and say who is to do the work."""

from collections.abc import Sequence
from typing import Any, ClassVar

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SweepLauncher(Launcher):
    """Runs a sweep's jobs together.

    The program's task function has for that the attribute ``sweep``, which takes overrides, and ``jobs``, which takes
    the overrides of each job; so a mistake in any job is refused before the first one runs, and jobs can share a
    compiled loop. Hydra's own launchers run the same programs, one job after another.
    """

    executor: ClassVar[str]

    def __init__(self, **settings: Any) -> None:
        self._settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """What Hydra hands over before `launch`."""
        self._task: Any = task_function
        self._loader, self._config = hydra_context.config_loader, config

    def launch_product(self, overrides: Sequence[Override]) -> None:
        """Run every combination of the values of ``overrides``."""
        self._task.sweep(self._loader, self._config, overrides, self.executor, self._settings)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs that another sweeper has chosen; a job returns its loss."""
        returns: Sequence[JobReturn] = self._task.jobs(
            self._loader, self._config, job_overrides, initial_job_idx, self.executor, self._settings
        )
        return returns


class LocalLauncher(SweepLauncher):
    """On this machine, on all its cores."""

    executor = "local"


ConfigStore.instance().store(
    group="hydra/launcher",
    name="local",
    node={
        "_target_": "hydra_plugins.adamlab_sweep.local_launcher.LocalLauncher",
        "workers": None,  # cores to use; null is all of them
    },
    provider="adamlab",
)
