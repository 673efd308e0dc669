"""The leaves by name: the folders are the registry. And what to say of a name that is not known."""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
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


def refuse_unknown(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a name that is not among ``known``, with the nearest that is."""
    known = list(known)
    for name in given:
        if name not in known:
            all_known = f" (it has {', '.join(known)})" if known else ""
            raise ConfigurationError(f"{owner}: has no {name}{nearest(name, known)}{all_known}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that suggests the known name nearest to ``name``, or an empty string."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
