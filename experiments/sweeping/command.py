"""What the Hydra programs share: they end with 0, with 1 if a run failed, or with 2 and one sentence if refused."""

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
    """A Hydra program around ``together``, which does all runs of a sweep."""

    def __init__(self, name: str, together: Together) -> None:
        self._name, self._together = name, together
        self._failed = 0
        self._started = False
        self._refused: Exception | None = None

    def __call__(self) -> int:
        """Run with the arguments of the command line; returns the exit code."""

        def task(cfg: DictConfig) -> float | None:
            return self._job(cfg)

        task.sweep, task.jobs = self._sweep, self._jobs  # type: ignore[attr-defined]
        task.__module__ = "__main__"
        program = hydra.main(version_base="1.3", config_path="../../conf", config_name=self._name)(task)
        debugging = "HYDRA_FULL_ERROR" in os.environ
        os.environ["HYDRA_FULL_ERROR"] = "1"
        _check_all_compositions(self._name)
        warnings.formatwarning = lambda message, *_, **__: f"{message}\n"
        # What a scheduler sends before it kills: as an interrupt, so that what is finished is recorded.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            program()
        except ConfigurationError as error:
            self._refused = error
        except RunFailed:
            # Recorded and said where it happened.
            self._failed += 1
        except KeyboardInterrupt:
            print(f"{self._name}: interrupted; what was finished is recorded", file=sys.stderr)
            return 130
        except BrokenPipeError:
            # Whoever read the output has left; nothing more can be said.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            # Before the program has the jobs, what goes wrong is what the user asked Hydra for.
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
        """One job of Hydra's: the only one, or one that another launcher has brought, maybe into another process."""
        self._started = True
        if HydraConfig.get().mode == RunMode.RUN:
            # Hydra would put a line of its own before an error that leaves a job.
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
        """Run every combination of the values of ``overrides``."""

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
        """Run the jobs that another sweeper has chosen."""
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
        """What another library found wrong as a refusal of ours."""
        if isinstance(error, ConfigurationError):
            return error
        refused = ConfigurationError(f"{self._name}: {sentence(error)}")
        refused.__cause__ = error
        return refused


def _composed_job(loader: ConfigLoader, config: DictConfig, lines: Sequence[str], number: int) -> DictConfig:
    """A job's configuration; it is then the current one, for what its values say of the job (${hydra:job.num})."""
    job = loader.load_sweep_config(config, list(lines))
    with open_dict(job):
        job.hydra.job.id = str(number)
        job.hydra.job.num = number
    HydraConfig.instance().set_config(job)
    return job


def _check_all_compositions(program: str) -> None:
    """Have every configuration that Hydra composes looked through before Hydra acts on it."""
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
    """What Hydra or OmegaConf found wrong, in the lab's form: one sentence that says what is allowed."""
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
    full_key, parent = cause.full_key or str(cause.key), cause.parent_node
    known = [str(key) for key in parent] if isinstance(parent, DictConfig) else []
    prefix = full_key.rpartition(".")[0]
    names = [f"{prefix}.{key}" if prefix else key for key in known if key not in ("_target_", "hydra")]
    return f"there is no key {full_key}{nearest(full_key, names)} (known: {', '.join(names)})"
