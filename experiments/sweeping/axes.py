"""The axes of a sweep: one for each override, with the values it takes.

Besides Hydra's own ways to write a sweep there are resolvers for long ones, alone as a value and in quotes from the
shell: ``optimizer.lr='${logspace:-4,0,1000}'`` (from 1e-4 to 1, evenly in the logarithm), ``${linspace:0,0.99,1000}``,
and ``${lines:rates.txt}``, the lines of a file.
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
    """One override: its key as it is written (with ``+``, ``~``, ``@package``) and the values it takes.

    ``texts`` are overrides such as ``optimizer.lr=0.1``, and ``values`` what Hydra makes of them. ``plain``: each is a
    value that can be put in the place of another one in a composed configuration, and nothing else.
    """

    key: str
    texts: Sequence[str]
    values: Sequence[Any]
    plain: bool


def axes_of(overrides: Iterable[Override]) -> list[Axis]:
    """The axes of a sweep in the order of the command line; of two for the same key the later counts, as in Hydra."""
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
        # One after the other: a shuffled sweep has another order each time it is asked.
        elements = list(override.sweep_iterator())
        texts = [f"{key}={Override._get_value_element_as_str(element)}" for element in elements]
        values = [Override._convert_value(element) for element in elements]
    else:
        # Hydra's word for one value, and its refusal of what is no discrete sweep.
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
    """``count`` numbers from ``start`` to ``stop``, evenly spaced: `numpy.linspace`."""
    return _grid(np.linspace, start, stop, count)


def logspace(start: float, stop: float, count: int) -> list[float]:
    """``count`` numbers from 10^start to 10^stop, their logarithms evenly spaced: `numpy.logspace`."""
    return _grid(np.logspace, start, stop, count)


def _grid(spaced: Any, start: float, stop: float, count: int) -> list[float]:
    numbers = (isinstance(x, int | float) and math.isfinite(x) for x in (start, stop))
    if not all(numbers) or not isinstance(count, int) or count < 1:
        raise ConfigurationError(
            f"{spaced.__name__}: takes start, stop and how many, such as {spaced.__name__}:0,1,11; "
            f"it is {start},{stop},{count}"
        )
    return spaced(float(start), float(stop), count).tolist()  # type: ignore[no-any-return]


def lines(path: str) -> list[Any]:
    """The values in a text file, one a line: numbers, or else words. Blank lines and comments (#) do not count."""
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
