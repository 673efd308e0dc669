"""Launchers that hand a whole sweep to the program and name the executor of its runs; the one for this machine."""

from collections.abc import Sequence
from typing import Any, ClassVar

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SweepLauncher(Launcher):
    """Base of launchers that execute the jobs of a sweep together.

    The program's task function has two attributes for this: ``sweep``, which takes the overrides of a product, and
    ``jobs``, which takes the overrides of each job. So a mistake in any job is refused before the first one runs, and
    jobs can share a compiled loop. Hydra's own launchers run the same programs, one job after another.

    Parameters
    ----------
    **settings
        The node ``hydra.launcher`` without ``_target_``: the settings of the executor.

    Attributes
    ----------
    executor : str
        Name of the module in ``experiments/sweeping/executors``.
    """

    executor: ClassVar[str]

    def __init__(self, **settings: Any) -> None:
        self._settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra passes before `launch`."""
        self._task: Any = task_function
        self._loader, self._config = hydra_context.config_loader, config

    def launch_product(self, overrides: Sequence[Override]) -> None:
        """Execute every combination of the values of ``overrides``.

        Parameters
        ----------
        overrides : sequence of Override
            The overrides as parsed by Hydra.
        """
        self._task.sweep(self._loader, self._config, overrides, self.executor, self._settings)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Execute the jobs that another sweeper has chosen.

        Parameters
        ----------
        job_overrides : sequence of sequence of str
            The overrides of each job.
        initial_job_idx : int
            The number of the first job.

        Returns
        -------
        sequence of JobReturn
            The return value of a job is its loss.
        """
        returns: Sequence[JobReturn] = self._task.jobs(
            self._loader, self._config, job_overrides, initial_job_idx, self.executor, self._settings
        )
        return returns


class LocalLauncher(SweepLauncher):
    """Executes runs on the cores of this machine."""

    executor = "local"


ConfigStore.instance().store(
    group="hydra/launcher",
    name="local",
    node={
        "_target_": "hydra_plugins.adamlab_sweep.local_launcher.LocalLauncher",
        "workers": None,  # number of cores to use; null: all
    },
    provider="adamlab",
)
