"""A sweeper like Hydra's basic one that leaves the product of all values to the launcher."""

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.adamlab_sweep.local_launcher import SweepLauncher


class LocalSweeper(Sweeper):
    """Sweeps over the product of all values, as Hydra's basic sweeper does, and launches it as one batch.

    It writes no ``multirun.yaml``, because records hold their own provenance, and the launcher composes the jobs.

    Parameters
    ----------
    params : mapping or None
        The node ``hydra.sweeper.params``: values by key.
    """

    def __init__(self, params: Any) -> None:
        self._params = params

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra passes before `sweep`, and make the launcher."""
        from hydra.core.plugins import Plugins

        self._context = hydra_context
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Sequence[JobReturn]:
        """Run the product of ``hydra.sweeper.params`` and the command line.

        Parameters
        ----------
        arguments : list of str
            The overrides of the command line; where both name a key, these count.

        Returns
        -------
        sequence of JobReturn
            Empty if the launcher is a `SweepLauncher`.

        Raises
        ------
        Exception
            What a job has raised under another launcher.
        """
        parser = OverridesParser.create(config_loader=self._context.config_loader)
        overrides = parser.parse_overrides([*self._lines(), *arguments])
        if isinstance(self._launcher, SweepLauncher):
            self._launcher.launch_product(overrides)
            return []
        (jobs,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
        returns = self._launcher.launch(jobs, initial_job_idx=0)
        for done in returns:
            # Reading the return value raises the job's exception.
            _ = done.return_value
        return returns

    def _lines(self) -> list[str]:
        """Return the configured parameters as overrides; one that resolves to a list stays as it is written."""
        params = self._params or {}
        written: Any = OmegaConf.to_container(params, resolve=False) if OmegaConf.is_config(params) else params
        return [f"{key}={written[key] if OmegaConf.is_config(params[key]) else params[key]}" for key in params]


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="local",
    node={"_target_": "hydra_plugins.adamlab_sweep.local_sweeper.LocalSweeper", "params": None},
    provider="adamlab",
)
