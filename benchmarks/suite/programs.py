"""What a person waits for: imports, the start of a program, a kernel compiled or loaded, a sweep, the page of reports.

Each sample is a process of its own.
"""

import itertools
import tempfile
import time
from functools import cache
from pathlib import Path

from .commit import SkipNotImplemented, run_program

CONVERGE = "experiments/converge.py"
SWEEP = 2000
# A commit that composes more slowly than this is skipped: its sweep would take as long as all other benchmarks.
SLOWEST_RUN = 5e-3


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that lives as long as the process."""
    return tempfile.TemporaryDirectory()


_numbers = itertools.count()


def converge(*arguments: str, results: str = "") -> float:
    """Seconds that the program takes, into a folder of results of its own."""
    results = results or f"results{next(_numbers)}"
    begun = time.perf_counter()
    run_program(CONVERGE, *arguments, f"results={results}", folder=Path(folder().name))
    return time.perf_counter() - begun


class Import:
    """Seconds in a fresh interpreter."""

    version = "1"
    param_names = ("module",)
    params = (["adamlab", "adamlab.minimize", "adamlab.many"],)
    rounds = 6
    repeat = 3
    number = 1
    warmup_time = 0.01

    def timeraw_import(self, module: str) -> str:
        return f"import {module}"


class Kernel:
    """The first run of a fresh process, with its kernels compiled, or loaded from disk."""

    version = "1"
    rounds = 4
    repeat = 2
    number = 1
    warmup_time = 0.01

    _SETUP = """
    from adamlab.minimize import minimize
    from adamlab.objectives.sphere import Sphere
    from adamlab.optimizers.adam import Adam
    adam = Adam(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)
    """
    _RUN = "minimize(Sphere(dim=128, x0=10.0), adam, n_steps=1, trace='none')"
    _EMPTY = """
    import os, tempfile
    empty = tempfile.TemporaryDirectory()
    os.environ['ADAMLAB_CACHE'] = empty.name
    """

    def timeraw_compile(self) -> tuple[str, str]:
        return self._RUN, self._SETUP + self._EMPTY

    def timeraw_load(self) -> tuple[str, str]:
        # The sample that warms up has left the kernels on disk.
        return self._RUN, self._SETUP


class Converge:
    """``experiments/converge.py``, from the command to its end."""

    version = "1"
    param_names = ("run",)
    rounds = 4
    repeat = 2
    number = 1
    warmup_time = 0.01
    timeout = 180

    def time_start(self, _: str) -> None:
        converge("dim=1", "n_steps=1", "backend=numpy", "trace=none")

    def time_multirun(self, run: str) -> None:
        refuse_slow_sweeps()
        rates = ",".join(f"{1e-6 * (place + 1):.6g}" for place in range(SWEEP))
        converge("-m", f"optimizer.lr={rates}", "dim=2", "n_steps=10", "trace=none")

    time_start.params = (["runs=1"],)  # type: ignore[attr-defined]
    time_multirun.params = ([f"runs={SWEEP}"],)  # type: ignore[attr-defined]


@cache
def refuse_slow_sweeps() -> None:
    """Try a few runs; raises `SkipNotImplemented` where the whole sweep would take too long."""
    few = 50
    sweep = ",".join(str(1e-6 * (place + 1)) for place in range(few))
    # The first may have to compile.
    one = min(converge("-m", "optimizer.lr=1e-6", "dim=2", "n_steps=10", "trace=none") for _ in range(2))
    each = (converge("-m", f"optimizer.lr={sweep}", "dim=2", "n_steps=10", "trace=none") - one) / (few - 1)
    if each > SLOWEST_RUN:
        raise SkipNotImplemented(f"composing takes {1e3 * each:.0f} ms a run on this commit")


class Page:
    """``reports/build.py`` on the records of the seed study's compiled runs."""

    version = "1"
    rounds = 2
    repeat = 2
    number = 1
    warmup_time = 0.01

    def time_build(self) -> None:
        run_program("reports/build.py", "study=seed", f"results={recorded()}", "out=out", folder=Path(folder().name))


@cache
def recorded() -> str:
    """A folder of results with the seed study in it."""
    converge("+study=seed", "backend=numba", results="seed")
    return "seed"
