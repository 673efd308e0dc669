"""What the Hydra programs share: they end with 0, with 1 if a run failed, or with 2 and one sentence if refused."""

import os
import sys
from collections.abc import Callable
from typing import Any

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from adamlab.symbols import ConfigurationError
from experiments.configuration import nearest, refuse_foreign_code

Together = Callable[[list[DictConfig]], int]


class Command:
    """A Hydra program around ``together``, which takes all composed jobs and returns how many runs failed."""

    def __init__(self, name: str, together: Together) -> None:
        self._name, self._together = name, together
        self._failed = 0
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
        try:
            program()
        except (HydraException, OmegaConfBaseException) as error:
            self._refused = ConfigurationError(f"{self._name}: {sentence(error)}")
            self._refused.__cause__ = error
        except ConfigurationError as error:
            self._refused = error
        except KeyboardInterrupt:
            print(f"{self._name}: interrupted; what was finished is recorded", file=sys.stderr)
            return 130
        if self._refused is None:
            return 1 if self._failed else 0
        if debugging:
            raise self._refused
        print(self._refused, file=sys.stderr)
        return 2

    def _run(self, jobs: list[DictConfig]) -> None:
        # Hydra would put a line of its own before an error that leaves a job.
        try:
            self._failed += self._together(jobs)
        except ConfigurationError as error:
            self._refused = error


def _check_all_compositions(program: str) -> None:
    """Have every configuration that Hydra composes looked through before Hydra acts on it."""
    compose = ConfigLoaderImpl.load_configuration

    def checked(self: Any, *args: Any, **kwargs: Any) -> DictConfig:
        try:
            cfg = compose(self, *args, **kwargs)
        except (AssertionError, TypeError, ValueError) as error:
            # What Hydra's own checks raise, for example for optimizer=null.
            raise ConfigurationError(f"{program}: {' '.join(str(error).split())}") from error
        refuse_foreign_code(cfg.get("hydra"))
        return cfg

    ConfigLoaderImpl.load_configuration = checked  # type: ignore[method-assign]


def sentence(error: Exception) -> str:
    """What Hydra or OmegaConf found wrong, in the lab's form: one sentence that says what is allowed."""
    if isinstance(error, MissingConfigException) and error.options:
        group, _, name = (error.missing_cfg_file or "").rpartition("/")
        return f"{group} must be one of {', '.join(error.options)}; it is {name!r}{nearest(name, error.options)}"
    cause = error.__cause__
    if isinstance(error, ConfigCompositionException) and isinstance(cause, OmegaConfBaseException):
        return _unknown_key(cause)
    first_line = str(error).partition("\n")[0]
    return f"{error.full_key}: {first_line}" if isinstance(error, OmegaConfBaseException) else first_line


def _unknown_key(cause: OmegaConfBaseException) -> str:
    full_key, parent = cause.full_key or str(cause.key), cause.parent_node
    known = [str(key) for key in parent] if isinstance(parent, DictConfig) else []
    prefix = full_key.rpartition(".")[0]
    names = [f"{prefix}.{key}" if prefix else key for key in known if key not in ("_target_", "hydra")]
    return f"there is no key {full_key}{nearest(full_key, names)} (known: {', '.join(names)})"
