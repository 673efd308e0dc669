"""A user's own objective, from a module of theirs."""

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

from adamlab.rules.symbols import ConfigurationError, Dim, DType, FunctionName, Start, parameters


@parameters
class Custom:
    """The functions ``value`` and ``gradient`` of one array, each named as ``module:function``.

    The module is looked up as Python does, and in the folder where the command is run. The gradient is compiled into
    the numba backend's loop where Numba can, and called otherwise; ``none`` is the exact derivative of ``value``, which
    JAX takes.
    """

    dim: Dim
    x0: Start
    value: Annotated[str, FunctionName()]
    gradient: Annotated[str, FunctionName(or_none=True)]
    dtype: DType = "float64"

    @property
    def name(self) -> str:
        """Which functions, for the random streams."""
        return f"custom {self.value} {self.gradient}"

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules of the functions."""
        return tuple(name.partition(":")[0] for name in (self.value, self.gradient) if name != "none")

    def functions(self):
        """The two functions (the second None for ``none``); raises `ConfigurationError` if they cannot be had."""
        return _function("value", self.value), None if self.gradient == "none" else _function("gradient", self.gradient)


def _function(role: str, name: str) -> Any:
    module_name, _, function_name = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(
            f"Custom: {role} must lie in a module that can be imported; {module_name} gives {reason}"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ConfigurationError(f"Custom: {role} must name a function of {module_name}; there is no {function_name}")
    return function
