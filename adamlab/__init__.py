"""adamlab: a reproducible experiment and research harness for the Adam family of optimizers.

Three lines run an optimizer with the hyperparameters of its paper::

    import adamlab

    r = adamlab.minimize(adamlab.objective("rosenbrock", dim=10), adamlab.optimizer("adam", lr=0.01), n_steps=1000)
    r.loss, r.trace

Names that users import from the package:

======================  ===============================================================================
``minimize``            one run
``minimize_many``       many runs at once, on all cores
``start``               a run that is given one gradient at a time
``optimizer``           an optimizer by its name, with the numbers of its source unless changed
``objective``           an objective by its name, likewise
``noise``               gradient noise by its name, likewise
``schedule``            a learning-rate schedule by its name, likewise
``OPTIMIZERS``          the names of all optimizers
``OBJECTIVES``          the names of all objectives
``NOISES``              the names of all kinds of gradient noise
``SCHEDULES``           the names of all learning-rate schedules
``ConfigurationError``  the error for a value, name or file that is not accepted
======================  ===============================================================================

The classes take every number explicitly, for example ``adamlab.optimizers.adam.Adam(lr=..., beta1=..., ...)``.

Modules that existed before the package had folders can still be imported: `adamlab.minimize` (``minimize``,
``start``), `adamlab.many`, and, for the file of a new method, `adamlab.symbols`, `adamlab.promises` and
`adamlab.reduction`.

Importing the package imports nothing else; each name is looked up when it is first used.
"""

from __future__ import annotations

import sys
from types import ModuleType

__version__ = "0.1.0"

# What type checkers take for true. The module `typing` is not imported for it: that takes longer than all of this.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from adamlab.rules.defaults import NOISES, OBJECTIVES, OPTIMIZERS, SCHEDULES, noise, objective, optimizer, schedule
    from adamlab.rules.symbols import ConfigurationError
    from adamlab.running.many import minimize_many
    from adamlab.running.minimize import minimize
    from adamlab.running.start import start

# The module that each public name is defined in.
_HOMES = {
    "minimize": "adamlab.running.minimize",
    "minimize_many": "adamlab.running.many",
    "start": "adamlab.running.start",
    "optimizer": "adamlab.rules.defaults",
    "objective": "adamlab.rules.defaults",
    "noise": "adamlab.rules.defaults",
    "schedule": "adamlab.rules.defaults",
    "OPTIMIZERS": "adamlab.rules.defaults",
    "OBJECTIVES": "adamlab.rules.defaults",
    "NOISES": "adamlab.rules.defaults",
    "SCHEDULES": "adamlab.rules.defaults",
    "ConfigurationError": "adamlab.rules.symbols",
}

__all__ = [
    "NOISES",
    "OBJECTIVES",
    "OPTIMIZERS",
    "SCHEDULES",
    "ConfigurationError",
    "minimize",
    "minimize_many",
    "noise",
    "objective",
    "optimizer",
    "schedule",
    "start",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'adamlab' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Module type of this package: ``minimize`` stays the function when the module `adamlab.minimize` is imported."""

    @property
    def minimize(self) -> Any:
        """The function `adamlab.running.minimize.minimize`."""
        return __getattr__("minimize")

    @minimize.setter
    def minimize(self, module: ModuleType) -> None:
        """Ignore the module that Python's import system assigns here; it remains available in `sys.modules`."""


sys.modules[__name__].__class__ = _Package
