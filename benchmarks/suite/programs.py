"""What a person waits for: imports, the start of a program, a kernel compiled or loaded, a sweep, the page of reports.

Each sample is a process of its own. One that fails to import what a commit lacks is a failure: these are what every
commit has had, or `suite.commit` skips them.
"""

import itertools
import tempfile
from functools import cache
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

from .commit import Clock, run_code, run_program
from .steps import sizes

_clock = Clock()


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that lives as long as the process."""
    return tempfile.TemporaryDirectory()


_numbers = itertools.count()


def converge(*arguments: str, results: str = "") -> float:
    """Seconds that the program takes, into a folder of results of its own."""
    results = results or f"results{next(_numbers)}"
    return run_program("experiments/converge.py", *arguments, f"results={results}", folder=Path(folder().name))


class _Processes:
    version = "1"
    number = 1
    warmup_time = 0.01
    timer = _clock


class Import(_Processes):
    """In a fresh interpreter."""

    param_names = ("module",)
    params = (["adamlab", "adamlab.minimize", "adamlab.many"],)
    rounds = 6
    repeat = 3

    def time_import(self, module: str) -> None:
        _clock.count(run_code(f"import {module}"))


_SETUP = """
from adamlab.minimize import minimize
from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.adam import Adam
adam = Adam(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)
"""
_EMPTY = """
import os, tempfile
empty = tempfile.TemporaryDirectory()
os.environ['ADAMLAB_CACHE'] = empty.name
"""
_RUN = "minimize(Sphere(dim=128, x0=10.0), adam, n_steps=1, trace='none')"


class Compile(_Processes):
    """The first run of a fresh process that has to compile its two kernels."""

    rounds = 3
    repeat = 1
    warmup_time = 0

    def time_first_run(self) -> None:
        _clock.count(run_code(_RUN, _SETUP + _EMPTY))


class Load(_Processes):
    """The first run of a fresh process that finds its kernels on disk, where the sample that warms up has left them."""

    rounds = 6
    repeat = 3

    def time_first_run(self) -> None:
        _clock.count(run_code(_RUN, _SETUP))


class Start(_Processes):
    """``experiments/converge.py`` from the command to its end, with next to nothing to do."""

    rounds = 6
    repeat = 2

    def time_converge(self) -> None:
        _clock.count(converge("dim=1", "n_steps=1", "backend=numpy", "trace=none"))


class Sweep(_Processes):
    """A multirun of short runs, most of which is composing their configurations."""

    param_names = ("run",)
    params = (["runs=2000"],)
    rounds = 3
    repeat = 1
    warmup_time = 0
    timeout = 180

    def time_multirun(self, run: str) -> None:
        refuse_slow_sweeps()
        (runs,) = sizes(run)
        _clock.count(sweep(runs))


def sweep(runs: int, backend: str = "numba") -> float:
    """Seconds that a multirun of so many short runs takes."""
    rates = ",".join(f"{1e-6 * (place + 1):.6g}" for place in range(runs))
    return converge("-m", f"optimizer.lr={rates}", "dim=2", "n_steps=10", "trace=none", f"backend={backend}")


@cache
def refuse_slow_sweeps() -> None:
    """Try a few runs; raises `SkipNotImplemented` where the whole sweep would take as long as all else that is tracked.

    Leaves what is compiled on disk.
    """
    few = 50
    one, several = sweep(1, "numpy"), sweep(few, "numpy")
    if several > 2 * one:
        raise SkipNotImplemented(f"composing takes {1e3 * (several - one) / (few - 1):.0f} ms a run on this commit")
    sweep(1)


class Page(_Processes):
    """``reports/build.py`` on the records of the seed study's compiled runs."""

    rounds = 3
    repeat = 1
    warmup_time = 0

    def time_build(self) -> None:
        _clock.count(run_program("reports/build.py", f"results={recorded()}", "out=out", folder=Path(folder().name)))


@cache
def recorded() -> str:
    """A folder of results with the seed study in it."""
    converge("+study=seed", "backend=numba", results="seed")
    return "seed"
