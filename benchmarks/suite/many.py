"""Many runs at once: the two kernels (runs side by side, and one by one), and the memory of a large batch."""

import time
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from .commit import offered
from .steps import sizes

# What each kernel is timed on: a separable objective of few dimensions goes side by side, any other one by one.
OBJECTIVES: dict[str, dict[str, Any]] = {
    "sphere": {"x0": 1.0},
    "rosenbrock": {"x0": [-1.2, 1.0], "a": 1.0, "b": 100.0},
}


def configurations(objective: str, dim: int, runs: int, steps: int) -> pl.DataFrame:
    """Runs of Adam that differ in their learning rate, under the swept keys."""
    numbers = {"optimizer.beta1": 0.9, "optimizer.beta2": 0.999, "optimizer.eps": 1e-8, "n_steps": steps, "dim": dim}
    start = {f"objective.{name}": value for name, value in OBJECTIVES[objective].items()}
    fixed = {"optimizer": "adam", "objective": objective, **numbers, **start}
    rates = pl.DataFrame({"optimizer.lr": np.geomspace(1e-5, 1e-3, runs)})
    return rates.with_columns(pl.lit(value).alias(name) for name, value in fixed.items())


@cache
def batch(objective: str, run: str) -> Any:
    """The one batch that such runs are."""
    (made,) = offered("adamlab.batches", "batches_of_frame")(configurations(objective, *sizes(run)))
    return made


class Many:
    """A batch from its configurations to its outcomes, on one thread."""

    version = "1"
    param_names = ("objective", "run")
    params = (list(OBJECTIVES), ["dim=2 runs=1024 steps=500"])
    rounds = 6
    repeat = 10
    number = 1
    warmup_time = 0.1
    timer = time.process_time

    def time_run_batch(self, objective: str, run: str) -> None:
        for _ in offered("adamlab.many", "run_batch")(batch(objective, run), 1):
            pass


class Memory:
    """The most memory a process holds, of which 70 to 150 MB are the interpreter's and Numba's."""

    version = "1"
    param_names = ("objective", "run")
    params = (["sphere"], ["dim=2 runs=100000 steps=50"])

    def peakmem_minimize_many(self, objective: str, run: str) -> None:
        offered("adamlab.many", "minimize_many")(configurations(objective, *sizes(run)), threads=1)
