"""Other implementations (peers), measured beside adamlab's own. The folder is the registry: one file per peer.

A peer is a module with

* ``missing() -> str | None``: the reason why the peer cannot run on this machine, as a clause, or None if it can;
* ``version() -> str``: its name and version, for the record;

and one or both of

* ``implementations(keys) -> dict[str, Implementation]``: the peer's ways to do one run. The run's configuration is
  given by swept key (``optimizer``, ``dim``, ...); the result is keyed by the name in the column ``implementation``
  (`adamlab.measuring.timing`), and empty if the peer cannot do this run. Each implementation evaluates the gradient
  itself at every step. With ``tol`` 0 no stopping test is needed, and implementations that can omit it do so;
* ``namesakes() -> tuple[Namesake, ...]``: the peer's methods with the same name as one of adamlab's optimizers, and
  how they are known to differ (`adamlab.measuring.conformance`).
"""

import math
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from adamlab.objectives.sphere import Sphere
from adamlab.problems.problem import Array
from adamlab.running.checks import first_iterate


def hyperparameters(keys: Mapping[str, Any]) -> SimpleNamespace:
    """Return the optimizer's hyperparameters as attributes.

    Parameters
    ----------
    keys : Mapping
        A configuration by swept key, such as ``optimizer.lr``.
    """
    group = "optimizer."
    return SimpleNamespace(**{key.removeprefix(group): keys[key] for key in keys if key.startswith(group)})


# The peers support the sphere's exact gradient, a constant learning rate and the test of a step's length only.
_PLAIN = {
    "objective": "sphere",
    "noise": "none",
    "schedule": "constant",
    "grad_tol": 0.0,
    "loss_target": -math.inf,
    "runs": 1,
    "threads": 1,
}


def on_sphere(keys: Mapping[str, Any], *, any_threads: bool = False) -> bool:
    """Return whether the peers can do a run: on the sphere, and without any feature that only adamlab has.

    Parameters
    ----------
    keys : Mapping
        The run's configuration by swept key.
    any_threads : bool
        Whether several threads are supported too.
    """
    return all(keys[key] == value for key, value in _PLAIN.items() if not (any_threads and key == "threads"))


def sphere_start(keys: Mapping[str, Any]) -> Array:
    """Return the start of a run on the sphere as a new array.

    Parameters
    ----------
    keys : Mapping
        The run's configuration by swept key.
    """
    return first_iterate(Sphere(dim=keys["dim"], x0=keys["objective.x0"], dtype=keys["dtype"]))


def processor_flags() -> str:
    """Return the names of this processor's features, on which a binary compiled for it depends.

    Empty where the system does not list them.
    """
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("flags")), "")
