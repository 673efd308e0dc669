"""Refuse configurations that would run code other than that of adamlab and Hydra.

The ``_target_`` of leaves are looked up in adamlab's own packages (`experiments.sweeping.configuration.build`). What
Hydra and Python's logging act on lies under ``hydra``. This module checks it before Hydra acts on it, with
interpolations resolved as Hydra resolves them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from adamlab.rules.symbols import ConfigurationError

# Hydra itself refuses launchers and sweepers that are not among its plugins.
PLUGIN = re.compile(
    r"(hydra\._internal\.core_plugins|hydra_plugins(\.\w+)?)\.[a-z_]+\.[A-Z]\w*|optuna\.samplers\.[A-Z]\w*Sampler"
)
LOGGING = re.compile(r"logging\.(FileHandler|Formatter|NullHandler|StreamHandler)|colorlog\.ColoredFormatter")
STREAM = re.compile(r"ext://sys\.(stdout|stderr)")


def refuse_foreign_code(cfg: DictConfig) -> None:
    """Refuse a composed configuration that would make Hydra run unknown code.

    Parameters
    ----------
    cfg : DictConfig
        The composed configuration, with its ``hydra`` node.

    Raises
    ------
    ConfigurationError
        For callbacks, changes of the environment, classes and streams that are not allowed, and interpolations that
        cannot be resolved.
    """
    hydra = cfg.get("hydra")
    if hydra is None:
        return
    for name in ("callbacks", "job.env_set"):
        if OmegaConf.select(hydra, name):
            raise ConfigurationError(f"hydra: {name} must be empty; a configuration cannot run code of its own")
    for name in ("launcher", "sweeper"):
        for key, value in _entries(hydra.get(name)):
            if key == "_target_" and not PLUGIN.fullmatch(str(value)):
                raise ConfigurationError(f"hydra: _target_ must be a plugin of Hydra or of adamlab; it is {value!r}")
    for name in ("hydra_logging", "job_logging"):
        for key, value in _entries(hydra.get(name)):
            if key == "()" or (key == "class" and not LOGGING.fullmatch(str(value))):
                raise ConfigurationError(f"hydra: a logging class must be one of Python's; it is {value!r}")
            if str(value).startswith("ext://") and not STREAM.fullmatch(str(value)):
                raise ConfigurationError(f"hydra: a logging stream must be stdout or stderr; it is {value!r}")


def _entries(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield all keys and values below ``node``, resolved; a node that cannot be resolved is yielded as written."""
    if OmegaConf.is_config(node):
        try:
            node = OmegaConf.to_container(node, resolve=True)
        except OmegaConfBaseException:
            node = OmegaConf.to_container(node, resolve=False)
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield key, value
            yield from _entries(value)
    elif isinstance(node, list):
        for value in node:
            yield "", value
            yield from _entries(value)
    elif isinstance(node, str) and re.fullmatch(r"\$\{[^}]*\}", node) and "hydra" not in node:
        raise ConfigurationError(f"hydra: {node} cannot be resolved, so what it would run is not known")
