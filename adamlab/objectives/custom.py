"""A user's own objective, made of functions in a module."""

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

from adamlab.rules.symbols import ConfigurationError, Dim, DType, FunctionName, Start, parameters


@parameters
class Custom:
    """The objective of a user's functions ``value`` and ``gradient``, each named as ``module:function``.

    Both functions take one array. The module is looked up where Python finds modules, and in the folder where the
    command is run. The gradient is compiled into the loop of the numba backend if Numba can compile it, and called at
    each step otherwise. The gradient ``none`` stands for the exact derivative of ``value``, computed by JAX.
    """

    dim: Dim
    x0: Start
    value: Annotated[str, FunctionName()]
    gradient: Annotated[str, FunctionName(or_none=True)]
    dtype: DType = "float64"

    @property
    def name(self) -> str:
        """The objective's name in the keys of random streams: its two functions."""
        return f"custom {self.value} {self.gradient}"

    @property
    def modules(self) -> tuple[str, ...]:
        """The names of the modules that hold the functions."""
        return tuple(name.partition(":")[0] for name in (self.value, self.gradient) if name != "none")

    def functions(self):
        """Return the two functions, the second None for ``none``.

        Raises
        ------
        ConfigurationError
            If a module cannot be imported, or has no function of that name.
        """
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
