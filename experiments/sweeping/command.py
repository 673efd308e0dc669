"""The command-line interface that the Hydra programs share.

The exit code of a program is

* 0 if no run failed;
* 1 if a run failed, or if the reader of standard output has closed it;
* 2 if the configuration is refused, with one sentence on standard error;
* 130 after an interrupt.
"""

import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from adamlab.rules.registry import nearest
from adamlab.rules.symbols import ConfigurationError
from experiments.sweeping.axes import RESOLVED, Axis, axes_of
from experiments.sweeping.composition import Composition, composition_of
from experiments.sweeping.configuration import results_and_study
from experiments.sweeping.results import RunFailed, SweepResult
from experiments.sweeping.sweep import Sweep
from experiments.sweeping.trusted_code import refuse_foreign_code

Together = Callable[[Sweep], SweepResult]


class Command:
    """A Hydra program.

    Parameters
    ----------
    name : str
        The program's name, which is also that of its primary configuration in ``conf/``.
    together : callable
        The function that executes all runs of a sweep and returns its `SweepResult`.
    """

    def __init__(self, name: str, together: Together) -> None:
        self._name, self._together = name, together
        self._failed = 0
        self._started = False
        self._refused: Exception | None = None

    def __call__(self) -> int:
        """Run the program with the arguments of the command line.

        Returns
        -------
        int
            The exit code.
        """

        def task(cfg: DictConfig) -> float | None:
            return self._job(cfg)

        task.sweep, task.jobs = self._sweep, self._jobs  # type: ignore[attr-defined]
        task.__module__ = "__main__"
        program = hydra.main(version_base="1.3", config_path="../../conf", config_name=self._name)(task)
        debugging = "HYDRA_FULL_ERROR" in os.environ
        os.environ["HYDRA_FULL_ERROR"] = "1"
        _check_all_compositions(self._name)
        warnings.formatwarning = lambda message, *_, **__: f"{message}\n"
        # Schedulers send SIGTERM before they kill a program. As an interrupt it lets finished runs be recorded.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            program()
        except ConfigurationError as error:
            self._refused = error
        except RunFailed:
            # The failure has been recorded and printed already.
            self._failed += 1
        except KeyboardInterrupt:
            print(f"{self._name}: interrupted; finished runs are recorded", file=sys.stderr)
            return 130
        except BrokenPipeError:
            # The reader of standard output has closed it. Python would raise again when it flushes the stream at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            # Until the jobs are composed, every error comes from what the user asked of Hydra.
            if self._started and not isinstance(error, HydraException | OmegaConfBaseException | OSError):
                raise
            self._refused = self._in_words(error)
        if self._refused is None:
            return 1 if self._failed else 0
        if debugging:
            raise self._refused
        print(self._refused, file=sys.stderr)
        return 2

    def _job(self, cfg: DictConfig) -> float | None:
        """Execute one job of Hydra: the only one, or one from another launcher, perhaps in another process."""
        self._started = True
        if HydraConfig.get().mode == RunMode.RUN:
            # Hydra prints a line of its own before an error that a job raises, so the error is kept instead.
            try:
                self._failed += self._together(Sweep.of_one(self._name, cfg)).failed
            except (ConfigurationError, OmegaConfBaseException) as error:
                self._refused = self._in_words(error)
            return None
        try:
            sweep = Sweep.of_one(self._name, cfg)
            outcome = self._together(sweep)
        except OmegaConfBaseException as error:
            raise self._in_words(error) from error
        return outcome.loss(sweep.run_ids[0]) if outcome.rows else None

    def _sweep(
        self,
        loader: ConfigLoader,
        config: DictConfig,
        overrides: Sequence[Override],
        executor: str,
        settings: Mapping[str, Any],
    ) -> None:
        """Execute every combination of the values of ``overrides``."""

        def compose(lines: Sequence[str], number: int) -> DictConfig:
            return _composed_job(loader, config, lines, number)

        def is_group(key: str) -> bool:
            return bool(loader.get_group_options(key))

        sweep = Sweep.of_product(self._name, axes_of(overrides), compose, is_group, executor, settings)
        self._started = True
        self._failed += self._together(sweep).failed

    def _jobs(
        self,
        loader: ConfigLoader,
        config: DictConfig,
        jobs: Sequence[Sequence[str]],
        first: int,
        executor: str,
        settings: Mapping[str, Any],
    ) -> list[JobReturn]:
        """Execute the jobs that another sweeper has chosen."""
        cfgs: list[DictConfig] = []
        compositions: list[tuple[Composition, list[Axis]]] = []
        for i, lines in enumerate(jobs):
            cfgs.append(_composed_job(loader, config, lines, first + i))
            compositions.append((composition_of(cfgs[-1]), []))
        self._started = True
        sweep = Sweep(self._name, compositions, (), executor, settings, each=True)
        outcome = self._together(sweep)
        returns = [
            JobReturn(overrides=lines, cfg=cfg, status=JobStatus.COMPLETED)
            for lines, cfg in zip(jobs, cfgs, strict=True)
        ]
        for done, run_id in zip(returns, sweep.run_ids if outcome.rows else (), strict=False):
            try:
                done.return_value = outcome.loss(run_id)
            except RunFailed as error:
                done.status, done.return_value = JobStatus.FAILED, error
        return returns

    def _in_words(self, error: Exception) -> Exception:
        """Return an error of another library as a `ConfigurationError` in one sentence."""
        if isinstance(error, ConfigurationError):
            return error
        refused = ConfigurationError(f"{self._name}: {sentence(error)}")
        refused.__cause__ = error
        return refused


def _composed_job(loader: ConfigLoader, config: DictConfig, lines: Sequence[str], number: int) -> DictConfig:
    """Compose a job's configuration and make it the current one, to which ``${hydra:job.num}`` refers."""
    job = loader.load_sweep_config(config, list(lines))
    with open_dict(job):
        job.hydra.job.id = str(number)
        job.hydra.job.num = number
    HydraConfig.instance().set_config(job)
    return job


def _check_all_compositions(program: str) -> None:
    """Make Hydra check each configuration that it composes before it acts on it."""
    compose = ConfigLoaderImpl.load_configuration

    def checked(self: Any, config_name: str | None, overrides: list[str], *args: Any, **kwargs: Any) -> DictConfig:
        for line in overrides:
            key, _, value = line.partition("=")
            if RESOLVED.fullmatch(value) and self.get_group_options(key.lstrip("+")):
                raise ConfigurationError(f"{key}: must name files, such as {key}=a,b or glob(*); it is {value!r}")
        cfg = compose(self, config_name, overrides, *args, **kwargs)
        refuse_foreign_code(cfg)
        results_and_study(program, cfg)
        return cfg

    ConfigLoaderImpl.load_configuration = checked  # type: ignore[method-assign]


def sentence(error: Exception) -> str:
    """Return an error of Hydra or OmegaConf as one sentence that says what is allowed.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    str
    """
    if isinstance(error, MissingConfigException) and error.options:
        group, _, name = (error.missing_cfg_file or "").rpartition("/")
        return f"{group} must be one of {', '.join(error.options)}; it is {name!r}{nearest(name, error.options)}"
    cause = error.__cause__
    if isinstance(error, ConfigCompositionException) and isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return _unknown_key(cause)
    if isinstance(cause, OmegaConfBaseException):
        error = cause
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    first_line = str(error).strip().partition("\n")[0]
    full_key = getattr(error, "full_key", None)
    return f"{full_key}: {first_line}" if full_key else first_line


def _unknown_key(cause: OmegaConfBaseException) -> str:
    """Return the sentence for a key that does not exist, with the nearest one and all known ones."""
    full_key, parent = cause.full_key or str(cause.key), cause.parent_node
    known = [str(key) for key in parent] if isinstance(parent, DictConfig) else []
    prefix = full_key.rpartition(".")[0]
    names = [f"{prefix}.{key}" if prefix else key for key in known if key not in ("_target_", "hydra")]
    return f"there is no key {full_key}{nearest(full_key, names)} (known: {', '.join(names)})"
