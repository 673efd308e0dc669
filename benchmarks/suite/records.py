"""Records of 100,000 runs, written and read, in memory rather than on a disk, which has a speed of its own."""

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
    """A folder that lives as long as the process."""
    return tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None)


@cache
def runs() -> pl.DataFrame:
    """What a sweep over the learning rate leaves."""
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
    """Write them as a new file in a folder."""
    new: Path = offered("adamlab.records.writing", "write", "adamlab.record_writer", "adamlab.record")(path, runs(), {})
    return new


@cache
def written() -> tuple[Path, str]:
    """The results folder and the study in which they have been written, once."""
    results, study = Path(folder().name), "read"
    write(offered("adamlab.records.reading", "folder", "adamlab.record")(results, study, "runs"))
    return results, study


class Records:
    """The rows of 100,000 runs."""

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
