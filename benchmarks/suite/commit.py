"""What the commit under test offers: names of the package, and the programs of its tree."""

import importlib
import os
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from asv_runner.benchmarks.mark import SkipNotImplemented


def offered(module: str, name: str, *earlier: str) -> Any:
    """A public name of the package; raises `SkipNotImplemented` where the commit has none such.

    ``earlier`` are the modules in which earlier commits have it.
    """
    for place in (module, *earlier):
        with suppress(ModuleNotFoundError, AttributeError):
            return getattr(importlib.import_module(place), name)
    raise SkipNotImplemented(f"this commit has no {module}.{name}")


def tree() -> Path:
    """The commit's files: asv's checkout, or this one where asv runs in an existing environment."""
    checkout = Path(os.environ.get("ASV_ENV_DIR", "")) / "project"
    here = Path(__file__).resolve().parents[2]
    return checkout if "ASV_ENV_DIR" in os.environ and (checkout / "pyproject.toml").exists() else here


class Clock:
    """Shows the processor time of the processes that this one has run and that were counted.

    As a benchmark's ``timer`` it makes asv count what a process did, or some part of it, and nothing else.
    """

    def __init__(self) -> None:
        self._seconds = 0.0

    def __call__(self) -> float:
        """Seconds so far."""
        return self._seconds

    def count(self, seconds: float) -> None:
        """Go on by so many."""
        self._seconds += seconds


def run_program(program: str, *arguments: str, folder: Path) -> float:
    """Run a program of the commit's tree in ``folder``; returns the seconds of processor time that it took.

    Raises `SkipNotImplemented` where the commit has no such program, `subprocess.CalledProcessError` where it fails.
    """
    path = tree() / program
    if not path.exists():
        raise SkipNotImplemented(f"this commit has no {program}")
    settings = {**os.environ, "PYTHONPATH": str(tree())}
    before = _seconds_of_children()
    line = [sys.executable, str(path), *arguments]
    subprocess.run(line, cwd=folder, env=settings, check=True, stdout=subprocess.DEVNULL)
    return _seconds_of_children() - before


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_code(code: str, setup: str = "") -> float:
    """Run Python code in a fresh process; returns the seconds of processor time it took, without ``setup``."""
    timed = f"import time\nbegun = time.process_time()\n{code}\nprint(time.process_time() - begun)"
    line = [sys.executable, "-c", f"{setup}\n{timed}"]
    return float(subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
