"""The leaves by name: the folders are the registry."""

import importlib
import pkgutil
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from adamlab.symbols import ConfigurationError


@cache
def leaf_class(group: str, name: str) -> Any:
    """The class in the file ``name`` of ``adamlab.<group>s``; raises `ConfigurationError` if there is none."""
    modules = _modules(f"adamlab.{group}s")
    if name not in modules:
        raise ConfigurationError(f"{group}: must be one of {', '.join(sorted(modules))}; it is {name!r}")
    module = importlib.import_module(modules[name])
    (cls,) = (c for c in vars(module).values() if is_dataclass(c) and getattr(c, "__module__", "") == module.__name__)
    return cls


def _modules(package: str) -> dict[str, str]:
    """Every module of a package and its folders, by its last name."""
    folder = importlib.import_module(package)
    found = pkgutil.walk_packages(folder.__path__, f"{package}.")
    return {module.name.rpartition(".")[2]: module.name for module in found if not module.ispkg}
