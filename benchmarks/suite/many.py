"""Many runs at once: the two kernels (runs side by side, and one by one) and the memory of a large batch."""

import time
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from .commit import offered
from .steps import sizes


def configurations(dim: int, runs: int, steps: int) -> pl.DataFrame:
    """Return configurations of Adam on the sphere that differ in their learning rate.

    Parameters
    ----------
    dim, runs, steps : int
        Dimension, number of runs, and steps of each run.

    Returns
    -------
    polars.DataFrame
        One row per run, one column per swept key.
    """
    numbers = {"optimizer.beta1": 0.9, "optimizer.beta2": 0.999, "optimizer.eps": 1e-8, "n_steps": steps, "dim": dim}
    fixed = {"optimizer": "adam", "objective": "sphere", "objective.x0": 1.0, **numbers}
    rates = pl.DataFrame({"optimizer.lr": np.geomspace(1e-5, 1e-3, runs)})
    return rates.with_columns(pl.lit(value).alias(name) for name, value in fixed.items())


@cache
def batch(run: str) -> Any:
    """Return the single batch that the runs of a parameter form.

    Parameters
    ----------
    run : str
        A parameter such as ``dim=2 runs=1024 steps=500``.
    """
    (made,) = offered("adamlab.running.batches", "batches_of_frame", "adamlab.batches")(configurations(*sizes(run)))
    return made


class Many:
    """A batch on one thread, from its configurations to its outcomes; runs of few dimensions go side by side."""

    version = "1"
    param_names = ("run",)
    params = (
        [
            "dim=1 runs=4096 steps=500",
            "dim=2 runs=1024 steps=500",
            "dim=64 runs=128 steps=500",
            "dim=256 runs=64 steps=500",
        ],
    )
    rounds = 6
    repeat = 10
    number = 1
    warmup_time = 0.1
    timer = time.process_time

    def time_run_batch(self, run: str) -> None:
        for _ in offered("adamlab.running.many", "run_batch", "adamlab.many")(batch(run), 1):
            pass


class Memory:
    """Peak memory of a process, of which 70 to 150 MB belong to the interpreter and Numba."""

    version = "1"
    param_names = ("run",)
    params = (["dim=2 runs=100000 steps=50", "dim=1 runs=1000000 steps=50"],)

    def peakmem_minimize_many(self, run: str) -> None:
        offered("adamlab.running.many", "minimize_many", "adamlab.many")(configurations(*sizes(run)), threads=1)
