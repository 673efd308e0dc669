"""Look-up of leaves by name, and messages for names that are not known.

The folders are the registry: the name of a leaf is the name of its file.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from adamlab.rules.symbols import ConfigurationError


@cache
def leaf_class(group: str, name: str) -> Any:
    """Return the class in the file ``name`` of ``adamlab.<group>s``.

    Parameters
    ----------
    group : str
        ``optimizer``, ``objective``, ``noise`` or ``schedule``.
    name : str
        The file's name without its extension.

    Returns
    -------
    type
        The dataclass that the file defines.

    Raises
    ------
    ConfigurationError
        If there is no such file.
    """
    modules = _modules(f"adamlab.{group}s")
    if name not in modules:
        known = sorted(modules)
        raise ConfigurationError(f"{group}: must be one of {', '.join(known)}; it is {name!r}{nearest(name, known)}")
    module = importlib.import_module(modules[name])
    (cls,) = (c for c in vars(module).values() if is_dataclass(c) and getattr(c, "__module__", "") == module.__name__)
    return cls


def leaf_names(group: str) -> tuple[str, ...]:
    """Return the names of all leaves of a group, in alphabetical order."""
    return tuple(sorted(_modules(f"adamlab.{group}s")))


def _modules(package: str) -> dict[str, str]:
    """Return the dotted names of all modules in a package and its folders, by the module's last name."""
    folder = importlib.import_module(package)
    found = pkgutil.walk_packages(folder.__path__, f"{package}.")
    return {module.name.rpartition(".")[2]: module.name for module in found if not module.ispkg}


def refuse_unknown(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise an error for the first name that is not known.

    Parameters
    ----------
    owner : str
        The class or function that the names were given to; the message starts with it.
    given : iterable of str
        The names to check.
    known : iterable of str
        The names that are allowed.

    Raises
    ------
    ConfigurationError
        For a name that is not among ``known``; the message suggests the nearest known name.
    """
    known = list(known)
    for name in given:
        if name not in known:
            all_known = f" (it has {', '.join(known)})" if known else ""
            raise ConfigurationError(f"{owner}: has no {name}{nearest(name, known)}{all_known}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a clause that suggests the known name nearest to ``name``.

    Parameters
    ----------
    name : str
        The name that is not known.
    known : iterable of str
        The names that are allowed.

    Returns
    -------
    str
        A clause to append to a message, such as ``"; did you mean adam?"``, or an empty string if no name is close.
    """
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
