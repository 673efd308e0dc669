"""Times that users wait for: imports, program start, compiling or loading a kernel, a sweep, the page of reports.

Each sample is a process of its own. A process that fails to import something is a failure, not a skip: these
benchmarks use only what every commit has, or `suite.commit` skips them.
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
    """Return a temporary folder that exists as long as the process."""
    return tempfile.TemporaryDirectory()


_numbers = itertools.count()


def converge(*arguments: str, results: str = "") -> float:
    """Run ``experiments/converge.py`` and return its processor time in seconds.

    Parameters
    ----------
    *arguments : str
        Its command line.
    results : str
        Name of the results folder; by default a new one for each call.
    """
    results = results or f"results{next(_numbers)}"
    return run_program("experiments/converge.py", *arguments, f"results={results}", folder=Path(folder().name))


class _Processes:
    version = "1"
    number = 1
    warmup_time = 0.01
    timer = _clock


class Import(_Processes):
    """Import of a module in a new interpreter."""

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
    """The first run in a new process that must compile its two kernels."""

    rounds = 3
    repeat = 1
    warmup_time = 0

    def time_first_run(self) -> None:
        _clock.count(run_code(_RUN, _SETUP + _EMPTY))


class Load(_Processes):
    """The first run in a new process that finds its kernels on disk, where the warm-up sample left them."""

    rounds = 6
    repeat = 3

    def time_first_run(self) -> None:
        _clock.count(run_code(_RUN, _SETUP))


class Start(_Processes):
    """``experiments/converge.py`` from start to end, with almost nothing to do."""

    rounds = 6
    repeat = 2

    def time_converge(self) -> None:
        _clock.count(converge("dim=1", "n_steps=1", "backend=numpy", "trace=none"))


class Sweep(_Processes):
    """A multirun of short runs; most of its time goes into composing configurations."""

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
    """Run a multirun of short runs and return its processor time in seconds.

    Parameters
    ----------
    runs : int
        Number of runs, which differ in their learning rate.
    backend : str
        The backend of the runs.
    """
    rates = ",".join(f"{1e-6 * (place + 1):.6g}" for place in range(runs))
    return converge("-m", f"optimizer.lr={rates}", "dim=2", "n_steps=10", "trace=none", f"backend={backend}")


@cache
def refuse_slow_sweeps() -> None:
    """Try a few runs, to see whether the whole sweep is affordable; leave the compiled kernels on disk.

    Raises
    ------
    SkipNotImplemented
        If composing is so slow that the sweep would take as long as all other benchmarks together.
    """
    few = 50
    one, several = sweep(1, "numpy"), sweep(few, "numpy")
    if several > 2 * one:
        raise SkipNotImplemented(f"composing takes {1e3 * (several - one) / (few - 1):.0f} ms a run on this commit")
    sweep(1)


class Page(_Processes):
    """``reports/build.py`` on the records of the seed study, numba backend only."""

    rounds = 3
    repeat = 1
    warmup_time = 0

    def time_build(self) -> None:
        _clock.count(run_program("reports/build.py", f"results={recorded()}", "out=out", folder=Path(folder().name)))


@cache
def recorded() -> str:
    """Return the name of a results folder that contains the seed study; run the study on the first call."""
    converge("+study=seed", "backend=numba", results="seed")
    return "seed"
