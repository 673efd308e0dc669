"""Writing and reading the records of 100,000 runs, in memory, so that the speed of a disk does not count."""

import os
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from .commit import offered

RUNS = 100_000
MEMORY = Path("/dev/shm")


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder in memory, if possible, that exists as long as the process."""
    return tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None)


@cache
def runs() -> pl.DataFrame:
    """Return the records that a sweep over the learning rate writes."""
    identities = [f"{place:020x}" for place in range(RUNS)]
    numbers = {"optimizer.beta1": 0.9, "optimizer.beta2": 0.999, "optimizer.eps": 1e-8, "dim": 128, "n_steps": 1000}
    names = {"optimizer": "adam", "objective": "sphere", "algorithms": "0" * 20, "backend": "numba", "dtype": "float64"}
    outcome = {
        "status": "max_steps",
        "stopped_by": None,
        "steps": 1000,
        "grad_norm": 1.0,
        "error": None,
        "seconds": 0.1,
    }
    varying = {"run_id": identities, "optimizer.lr": np.geomspace(1e-5, 1.0, RUNS), "loss": np.linspace(0.0, 1.0, RUNS)}
    fixed = [pl.lit(value).alias(name) for name, value in (names | numbers | outcome).items()]
    return pl.DataFrame(varying).with_columns(fixed).cast({"stopped_by": pl.String, "error": pl.String})


def write(path: Path) -> Path:
    """Write the records of `runs` as a new file and return its path.

    Parameters
    ----------
    path : Path
        The folder for the file.
    """
    new: Path = offered("adamlab.records.writing", "write", "adamlab.record_writer", "adamlab.record")(path, runs(), {})
    return new


@cache
def written() -> tuple[Path, str]:
    """Return a results folder and the study in it that holds the records; write them on the first call."""
    results, study = Path(folder().name), "read"
    write(offered("adamlab.records.reading", "folder", "adamlab.record")(results, study, "runs"))
    return results, study


class Records:
    """Time to write and to read the records of 100,000 runs."""

    version = "1"
    param_names = ("run",)
    params = (["runs=100000"],)
    rounds = 6
    repeat = 5
    number = 1
    warmup_time = 0.1
    timer = time.process_time

    def time_write(self, _: str) -> None:
        write(Path(folder().name) / "write").unlink()

    def time_read(self, _: str) -> None:
        results, study = written()
        assert offered("adamlab.records.reading", "read", "adamlab.record")(results, study, "runs").height == RUNS
