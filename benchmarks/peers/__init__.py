"""Other implementations, measured beside the lab's. The folder is the registry: a new peer is one new file.

A peer is a module with

* ``missing() -> str | None``: why it cannot run on this machine, in a clause, or None if it can;
* ``version() -> str``: what it is, for the record;

and one or both of

* ``implementations(keys) -> dict[str, Implementation]``: for a configuration given by swept key (``optimizer``,
  ``dim``, ...), the peer's ways to do the same run, by the name they get in the column ``implementation``
  (`adamlab.measuring.timing`). Each evaluates the gradient itself, at every step; with ``tol`` 0 none needs the test that stops a
  run, and those that are free to leave it out do. Empty where the peer has nothing to compare;
* ``namesakes() -> tuple[Namesake, ...]``: its methods that go by the name of one of our leaves, and what is known of
  how they differ (`adamlab.measuring.conformance`).
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
    """The optimizer's numbers under their own names."""
    group = "optimizer."
    return SimpleNamespace(**{key.removeprefix(group): keys[key] for key in keys if key.startswith(group)})


# What the peers can do besides the step: the sphere's own gradient, one learning rate, the test of a step's length.
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
    """Whether the peers can do a run: on the sphere, without anything that only the lab has.

    With ``any_threads`` that may be among several threads.
    """
    return all(keys[key] == value for key, value in _PLAIN.items() if not (any_threads and key == "threads"))


def sphere_start(keys: Mapping[str, Any]) -> Array:
    """A fresh array that holds where a run on the sphere begins."""
    return first_iterate(Sphere(dim=keys["dim"], x0=keys["objective.x0"], dtype=keys["dtype"]))


def processor_flags() -> str:
    """What a binary for this very processor depends on: the names of its abilities, or nothing where none are told."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("flags")), "")
