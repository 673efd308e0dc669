"""What the Hydra programs share: they end with 0, with 1 if a run failed, or with 2 and one sentence if refused."""

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from adamlab.registry import nearest
from adamlab.symbols import ConfigurationError
from experiments.configuration import results_and_study
from experiments.foreign_code import refuse_foreign_code

Together = Callable[[list[DictConfig]], int]


class Command:
    """A Hydra program around ``together``, which takes all composed jobs and returns how many runs failed."""

    def __init__(self, name: str, together: Together) -> None:
        self._name, self._together = name, together
        self._failed = 0
        self._started = False
        self._refused: ConfigurationError | None = None

    def __call__(self) -> int:
        """Run with the arguments of the command line; returns the exit code."""

        def task(cfg: DictConfig) -> None:
            task.together([cfg])  # type: ignore[attr-defined]

        task.together = self._run  # type: ignore[attr-defined]
        task.__module__ = "__main__"
        program = hydra.main(version_base="1.3", config_path="../conf", config_name=self._name)(task)
        debugging = "HYDRA_FULL_ERROR" in os.environ
        os.environ["HYDRA_FULL_ERROR"] = "1"
        _check_all_compositions(self._name)
        warnings.formatwarning = lambda message, *_, **__: f"{message}\n"
        try:
            program()
        except ConfigurationError as error:
            self._refused = error
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
            self._refuse(error)
        if self._refused is None:
            return 1 if self._failed else 0
        if debugging:
            raise self._refused
        print(self._refused, file=sys.stderr)
        return 2

    def _run(self, jobs: list[DictConfig]) -> None:
        # Hydra would put a line of its own before an error that leaves a job.
        self._started = True
        try:
            self._failed += self._together(jobs)
        except ConfigurationError as error:
            self._refused = error
        except OmegaConfBaseException as error:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """Keep what another library found wrong as a refusal of ours."""
        self._refused = ConfigurationError(f"{self._name}: {sentence(error)}")
        self._refused.__cause__ = error


def _check_all_compositions(program: str) -> None:
    """Have every configuration that Hydra composes looked through before Hydra acts on it."""
    compose = ConfigLoaderImpl.load_configuration

    def checked(self: Any, *args: Any, **kwargs: Any) -> DictConfig:
        cfg = compose(self, *args, **kwargs)
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
