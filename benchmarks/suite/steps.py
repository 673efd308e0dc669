"""Time per step by backend, optimizer and dimension, up to the size of the cache (see `suite.beyond_cache`).

Points that would add no information are left out: Muon acts on a matrix, whose products every backend leaves to NumPy,
so it is timed on the numpy backend only.
"""

import time
from contextlib import suppress
from functools import cache
from typing import Any

from asv_runner.benchmarks.mark import SkipNotImplemented

from .commit import offered

# So small that no run reaches the minimum, where numbers become subnormal and arithmetic slow.
LR = 1e-7
_BETAS = {"beta1": 0.9, "beta2": 0.999}
NUMBERS: dict[str, dict[str, float]] = {
    "adam": {"lr": LR, **_BETAS, "eps": 1e-8},
    "adam_reordered": {"lr": LR, **_BETAS, "eps": 1e-8},
    "amsgrad_paper": {"lr": LR, **_BETAS, "eps": 1e-8},
    "lion": {"lr": LR, **_BETAS, "weight_decay": 0.0},
    "muon": {"lr": LR, "momentum": 0.95, "weight_decay": 0.0},
}
ELEMENTWISE = ["adam", "adam_reordered", "amsgrad_paper", "lion"]
# Rows of the matrix by dimension, for a method that acts on a matrix.
ROWS = {1: 1, 128: 8, 4096: 64, 1_000_000: 1000}


@cache
def run_under_way(backend: str, optimizer: str, dim: int, dtype: str = "float64") -> Any:
    """Return a run that can take further steps.

    Parameters
    ----------
    backend, optimizer : str
        Names of the backend and the optimizer. Muon runs on a linear network, the others on the sphere.
    dim : int
        Number of coordinates.
    dtype : str
        ``"float64"`` or ``"float32"``.
    """
    stepper, problem = (
        offered("adamlab.running.backends", "stepper", "adamlab.backends"),
        offered("adamlab.problems.problem", "Problem", "adamlab.problem"),
    )
    chosen = leaf("optimizer", optimizer)(**NUMBERS[optimizer])
    if optimizer == "muon":
        numbers = {"x0": 0.0, "rows": ROWS[dim], "condition": 100.0 if dim > 1 else 1.0, "seed": 0}
        objective = leaf("objective", "linear_network")(dim=dim, **numbers)
    else:
        objective = leaf("objective", "sphere")(dim=dim, x0=10.0, dtype=dtype)
    return stepper(
        backend,
        chosen,
        problem(objective),
        offered("adamlab.running.checks", "first_iterate", "adamlab.minimize")(objective),
    )


def leaf(group: str, name: str) -> Any:
    """Return the class of one of the commit's leaves (an optimizer, objective, noise or schedule).

    Parameters
    ----------
    group : str
        ``"optimizer"``, ``"objective"``, ...
    name : str
        The name of the leaf's file.

    Raises
    ------
    SkipNotImplemented
        If the commit has no such leaf.
    """
    try:
        return offered("adamlab.rules.registry", "leaf_class", "adamlab.registry")(group, name)
    except (ModuleNotFoundError, ValueError) as error:
        raise SkipNotImplemented(f"this commit has no {group} {name}") from error


@cache
def never() -> Any:
    """Return the stopping rule that never stops a run."""
    return offered("adamlab.rules.stopping", "Stopping", "adamlab.stopping")()


def take_steps(backend: str, optimizer: str, dim: int, steps: int, *, dtype: str = "float64") -> None:
    """Take further steps of the run for these parameters (see `run_under_way`).

    Parameters
    ----------
    backend, optimizer : str
        Names of the backend and the optimizer.
    dim : int
        Number of coordinates.
    steps : int
        Number of steps to take.
    dtype : str
        ``"float64"`` or ``"float32"``.
    """
    run = run_under_way(backend, optimizer, dim, dtype)
    run.advance(run.t + steps, never())


@cache
def sizes(run: str) -> tuple[int, ...]:
    """Return the numbers in a parameter such as ``dim=128 steps=5000``."""
    return tuple(int(size.partition("=")[2]) for size in run.split())


for _optimizer in ELEMENTWISE:
    # An error here occurs in the benchmark again, which then reports it.
    with suppress(Exception):
        take_steps("numba", _optimizer, 1, 1)


class _Steps:  # the underscore keeps asv from running it as a benchmark
    version = "1"
    param_names: tuple[str, ...] = ("optimizer", "run")
    rounds = 6
    repeat = 20
    sample_time = 0.005
    warmup_time = 0.05
    timer = time.process_time
    backend = ""

    def time_steps(self, optimizer: str, run: str) -> None:
        take_steps(self.backend, optimizer, *sizes(run))


class Numba(_Steps):
    """Steps of the numba backend: compiled loops."""

    backend = "numba"
    params = (ELEMENTWISE, ["dim=1 steps=20000", "dim=128 steps=5000", "dim=4096 steps=200"])


class NumPy(_Steps):
    """Steps of the numpy backend: operations on whole arrays."""

    backend = "numpy"
    params = ([*ELEMENTWISE, "muon"], ["dim=1 steps=40", "dim=128 steps=40", "dim=4096 steps=20"])


class Python(_Steps):
    """Steps of the python backend: one number at a time."""

    backend = "python"
    params = (ELEMENTWISE, ["dim=1 steps=40", "dim=128 steps=4", "dim=4096 steps=1"])
