"""Create leaves by name, with the numbers of their source.

The numbers are read from the files in ``conf/`` and are written nowhere else.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from adamlab.rules.registry import leaf_class, leaf_names, refuse_unknown
from adamlab.rules.symbols import ConfigurationError, symbols

PACKAGE = Path(__file__).parent.parent
# Key of a leaf's file that names its class; all other keys are fields of the class.
_TARGET = "_target_"
# Placeholder in a leaf's file for a value that the user must give.
MISSING = "???"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML carries no types
    """YAML in which ``1e-3`` is a number, as in Hydra's files and in YAML 1.2."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+"),
    list("-+.0123456789"),
)


def optimizer(name: str, **changes: Any) -> Any:
    """Return the optimizer of this name with the hyperparameters of its source.

    Parameters
    ----------
    name : str
        One of `OPTIMIZERS`, such as ``"adam"``.
    **changes : float
        Hyperparameters that differ from those of ``conf/optimizer/<name>.yaml``, such as ``lr=0.01``.

    Returns
    -------
    dataclass
        An instance of the class in ``adamlab/optimizers/<name>.py``.

    Raises
    ------
    ConfigurationError
        For a name that is not known, and for a value out of range.

    Examples
    --------
    >>> import adamlab
    >>> adamlab.optimizer("adam", lr=0.01)
    Adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08)
    """
    return _leaf("optimizer", name, changes)


def objective(name: str, **changes: Any) -> Any:
    """Return the objective of this name with the parameters and the start of its source.

    Parameters
    ----------
    name : str
        One of `OBJECTIVES`, such as ``"rosenbrock"``.
    **changes
        Parameters that differ from those of ``conf/objective/<name>.yaml``: ``dim``, ``x0`` (the start: a number, or
        a sequence that is repeated to fill ``dim``), ``dtype`` (``"float64"`` or ``"float32"``), and its own.

    Returns
    -------
    dataclass
        An instance of the class in ``adamlab/objectives/<name>.py``.

    Raises
    ------
    ConfigurationError
        For a name that is not known, and for a value out of range.

    Examples
    --------
    >>> import adamlab
    >>> adamlab.objective("rosenbrock", dim=10)
    Rosenbrock(dim=10, x0=(-1.2, 1.0), a=1.0, b=100.0, dtype='float64')
    """
    return _leaf("objective", name, changes)


def noise(name: str, **changes: Any) -> Any:
    """Return the gradient noise of this name with the parameters of its source.

    Parameters
    ----------
    name : str
        One of `NOISES`, such as ``"gaussian"``, or ``"none"``.
    **changes : float
        Parameters that differ from those of ``conf/noise/<name>.yaml``.

    Returns
    -------
    dataclass or None
        An instance of the class in ``adamlab/noises/<name>.py``, or None for ``"none"``.

    Raises
    ------
    ConfigurationError
        For a name that is not known, and for a value out of range.
    """
    if name == "none":
        refuse_unknown("no noise", changes, ())
        return None
    return _leaf("noise", name, changes)


def schedule(name: str, **changes: Any) -> Any:
    """Return the learning-rate schedule of this name with the parameters of its source.

    Parameters
    ----------
    name : str
        One of `SCHEDULES`, such as ``"cosine"``.
    **changes : float
        Parameters that differ from those of ``conf/schedule/<name>.yaml``.

    Returns
    -------
    dataclass
        An instance of the class in ``adamlab/schedules/<name>.py``.

    Raises
    ------
    ConfigurationError
        For a name that is not known, and for a value out of range.
    """
    return _leaf("schedule", name, changes)


def defaults(group: str, name: str) -> dict[str, Any]:
    """Return the numbers in ``conf/<group>/<name>.yaml`` by name.

    Parameters
    ----------
    group : str
        ``optimizer``, ``objective``, ``noise`` or ``schedule``.
    name : str
        The file's name without its extension.

    Returns
    -------
    dict
        The values of the file's keys, without ``_target_``.

    Raises
    ------
    ConfigurationError
        If there is no such file.
    """
    return dict(_content(conf_folder() / group / f"{name}.yaml"))


@cache
def conf_folder() -> Path:
    """Return the folder ``conf`` of the installed package, or that of the checkout if the package has none."""
    installed = PACKAGE / "conf"
    return installed if installed.is_dir() else PACKAGE.parent / "conf"


@cache
def _content(path: Path) -> dict[str, Any]:
    """Return the keys and values of a YAML file, without ``_target_``."""
    try:
        content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path.stem}: its configuration file must be {path}; there is no such file"
        ) from error
    return {key: value for key, value in content.items() if key != _TARGET}


def _leaf(group: str, name: str, changes: dict[str, Any]) -> Any:
    """Return the leaf with the numbers of its file and ``changes``; raise for unknown names and missing values."""
    cls = leaf_class(group, name)
    refuse_unknown(cls.__name__, changes, symbols(cls))
    given = defaults(group, name) | changes
    for field, value in given.items():
        if value == MISSING:
            raise ConfigurationError(f"{cls.__name__}: {field} must be given")
    return cls(**given)


def __getattr__(name: str) -> tuple[str, ...]:
    groups = {f"{group.upper()}S": group for group in ("optimizer", "objective", "noise", "schedule")}
    if name not in groups:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return leaf_names(groups[name])


OPTIMIZERS: tuple[str, ...]
OBJECTIVES: tuple[str, ...]
NOISES: tuple[str, ...]
SCHEDULES: tuple[str, ...]
