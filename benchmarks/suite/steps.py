"""Time per step: backends, optimizers and dimensions up to the size of the cache (see `suite.beyond_cache`).

A point is left out where it would say nothing of its own: Muon acts on a matrix, whose products every backend hands to
NumPy, so it is timed there alone.
"""

import time
from contextlib import suppress
from functools import cache
from typing import Any

from asv_runner.benchmarks.mark import SkipNotImplemented

from .commit import offered

# So small a rate that no run arrives, however many steps are timed: at the minimum, numbers become subnormal and slow.
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
# A layer of so many rows, for a method that acts on a matrix.
ROWS = {1: 1, 128: 8, 4096: 64, 1_000_000: 1000}


@cache
def run_under_way(backend: str, optimizer: str, dim: int, dtype: str = "float64") -> Any:
    """A run of the commit's, from which further steps can be taken."""
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
    """The class of a leaf of the commit's, by its file's name."""
    try:
        return offered("adamlab.rules.registry", "leaf_class", "adamlab.registry")(group, name)
    except (ModuleNotFoundError, ValueError) as error:
        raise SkipNotImplemented(f"this commit has no {group} {name}") from error


@cache
def never() -> Any:
    """The rule that stops no run."""
    return offered("adamlab.rules.stopping", "Stopping", "adamlab.stopping")()


def take_steps(backend: str, optimizer: str, dim: int, steps: int, *, dtype: str = "float64") -> None:
    """Go so many steps further."""
    run = run_under_way(backend, optimizer, dim, dtype)
    run.advance(run.t + steps, never())


@cache
def sizes(run: str) -> tuple[int, ...]:
    """The numbers in a parameter such as ``dim=128 steps=5000``."""
    return tuple(int(size.partition("=")[2]) for size in run.split())


for _optimizer in ELEMENTWISE:
    # What goes wrong here goes wrong in the benchmark too, which says so.
    with suppress(Exception):
        take_steps("numba", _optimizer, 1, 1)


class _Steps:  # its name keeps it from being a benchmark itself
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
    """Compiled loops."""

    backend = "numba"
    params = (ELEMENTWISE, ["dim=1 steps=20000", "dim=128 steps=5000", "dim=4096 steps=200"])


class NumPy(_Steps):
    """Whole arrays."""

    backend = "numpy"
    params = ([*ELEMENTWISE, "muon"], ["dim=1 steps=40", "dim=128 steps=40", "dim=4096 steps=20"])


class Python(_Steps):
    """Number by number."""

    backend = "python"
    params = (ELEMENTWISE, ["dim=1 steps=40", "dim=128 steps=4", "dim=4096 steps=1"])
