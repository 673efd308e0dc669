"""Read the overrides of a command line as the axes of a sweep.

Each override gives one axis with the values it takes. Besides Hydra's own syntax there are three resolvers for long
lists of values. A resolver must be the whole value of the override, and needs quotes in a shell:

* ``optimizer.lr='${logspace:-4,0,1000}'``: 1000 values from 1e-4 to 1, evenly spaced in the logarithm;
* ``optimizer.beta1='${linspace:0,0.99,1000}'``: 1000 values from 0 to 0.99, evenly spaced;
* ``optimizer.lr='${lines:rates.txt}'``: the lines of a file.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from adamlab.rules.symbols import ConfigurationError

PLAIN_KEY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
RESOLVED = re.compile(r"\$\{(linspace|logspace|lines):([^${}]*)\}")


@dataclass(frozen=True)
class Axis:
    """One override and the values it takes.

    Attributes
    ----------
    key : str
        The key as written, with ``+``, ``~`` or ``@package`` if present.
    texts : sequence of str
        One override for each value, such as ``optimizer.lr=0.1``.
    values : sequence
        The values as Hydra parses them, in the order of ``texts``.
    plain : bool
        Whether each value may simply replace the value of ``key`` in a composed configuration: a plain key, and
        values without interpolations or mappings.
    """

    key: str
    texts: Sequence[str]
    values: Sequence[Any]
    plain: bool


def axes_of(overrides: Iterable[Override]) -> list[Axis]:
    """Return the axes of a sweep in the order of the command line.

    Parameters
    ----------
    overrides : iterable of Override
        The overrides as parsed by Hydra. If a key occurs twice, the later override replaces the earlier one, as in
        Hydra.

    Returns
    -------
    list of Axis

    Raises
    ------
    ConfigurationError
        If a resolver cannot be evaluated or gives no value.
    """
    axes: dict[str, Axis] = {}
    for override in overrides:
        axis = _axis(override)
        axes[axis.key] = axis
    return list(axes.values())


def _axis(override: Override) -> Axis:
    key = override.get_key_element()
    value = override.value()
    if isinstance(value, str) and RESOLVED.fullmatch(value):
        values = _resolved(key, value)
        texts: list[str] = [f"{key}={Override._get_value_element_as_str(value)}" for value in values]
    elif override.is_sweep_override() and override.is_discrete_sweep():
        # Iterate only once: a shuffled sweep has a new order in each iteration.
        elements = list(override.sweep_iterator())
        texts = [f"{key}={Override._get_value_element_as_str(element)}" for element in elements]
        values = [Override._convert_value(element) for element in elements]
    else:
        # Hydra formats a single value, and raises its own error for a sweep that is not discrete.
        (((text,),),) = BasicSweeper.split_arguments([override], max_batch_size=None)
        texts, values = [text], [value]
    plain = PLAIN_KEY.fullmatch(key) is not None and all(map(_is_plain, values))
    return Axis(key, texts, values, plain)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(number, int | float) for number in value)
    if isinstance(value, str):
        return "${" not in value and value != "???" and "\\" not in value
    return value is None or isinstance(value, int | float)


def _resolved(key: str, value: str) -> list[Any]:
    try:
        values = list(OmegaConf.create({"values": value})["values"])
    except Exception as error:
        raise ConfigurationError(f"{key}: {str(error).splitlines()[0]}") from error
    if not values:
        raise ConfigurationError(f"{key}: {value} must give at least one value; it gives none")
    return values


def linspace(start: float, stop: float, count: int) -> list[float]:
    """Return ``count`` evenly spaced numbers from ``start`` to ``stop`` (`numpy.linspace`).

    Parameters
    ----------
    start, stop : float
        First and last number; must be finite.
    count : int
        Number of values; at least 1.

    Returns
    -------
    list of float

    Raises
    ------
    ConfigurationError
        For an argument that is not of this kind.
    """
    return _grid(np.linspace, start, stop, count)


def logspace(start: float, stop: float, count: int) -> list[float]:
    """Return ``count`` numbers from 10^start to 10^stop, evenly spaced in the logarithm (`numpy.logspace`).

    Parameters
    ----------
    start, stop : float
        Decimal logarithms of the first and the last number; must be finite.
    count : int
        Number of values; at least 1.

    Returns
    -------
    list of float

    Raises
    ------
    ConfigurationError
        For an argument that is not of this kind.
    """
    return _grid(np.logspace, start, stop, count)


def _grid(spaced: Any, start: float, stop: float, count: int) -> list[float]:
    numbers = (isinstance(x, int | float) and math.isfinite(x) for x in (start, stop))
    if not all(numbers) or not isinstance(count, int) or count < 1:
        raise ConfigurationError(
            f"{spaced.__name__}: takes start, stop and count, such as {spaced.__name__}:0,1,11; "
            f"it is {start},{stop},{count}"
        )
    return spaced(float(start), float(stop), count).tolist()  # type: ignore[no-any-return]


def lines(path: str) -> list[Any]:
    """Return the values in a text file, one from each line.

    Parameters
    ----------
    path : str
        The file, in UTF-8. Blank lines and lines that begin with ``#`` are skipped.

    Returns
    -------
    list of int, float or str
        Each line as an int if possible, else as a float if possible, else as text.

    Raises
    ------
    ConfigurationError
        If the file cannot be read.
    """
    try:
        written = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"lines: cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    return [_scalar(line.strip()) for line in written if line.strip() and not line.lstrip().startswith("#")]


def _scalar(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


for _resolver in (linspace, logspace, lines):
    OmegaConf.register_new_resolver(_resolver.__name__, _resolver, replace=True)
