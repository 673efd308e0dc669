"""Access to the commit under test: public names of its package, and the programs in its tree."""

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
    """Return a public name of the package.

    Parameters
    ----------
    module : str
        The module that has it.
    name : str
        The name.
    *earlier : str
        Modules in which earlier commits have it.

    Raises
    ------
    SkipNotImplemented
        If the commit has no such name.
    """
    for place in (module, *earlier):
        with suppress(ModuleNotFoundError, AttributeError):
            return getattr(importlib.import_module(place), name)
    raise SkipNotImplemented(f"this commit has no {module}.{name}")


def tree() -> Path:
    """Return the root of the commit's files: asv's checkout, or this repository in an existing environment."""
    checkout = Path(os.environ.get("ASV_ENV_DIR", "")) / "project"
    here = Path(__file__).resolve().parents[2]
    return checkout if "ASV_ENV_DIR" in os.environ and (checkout / "pyproject.toml").exists() else here


class Clock:
    """A timer that shows the processor time of the child processes counted so far.

    With it as a benchmark's ``timer``, asv measures a child process, or a part of it, and nothing else.
    """

    def __init__(self) -> None:
        self._seconds = 0.0

    def __call__(self) -> float:
        """Return the seconds counted so far."""
        return self._seconds

    def count(self, seconds: float) -> None:
        """Add `seconds` to the time shown."""
        self._seconds += seconds


def run_program(program: str, *arguments: str, folder: Path) -> float:
    """Run a program of the commit's tree and return its processor time in seconds.

    Parameters
    ----------
    program : str
        Path of the program in the repository.
    *arguments : str
        Its command line.
    folder : Path
        The working directory.

    Raises
    ------
    SkipNotImplemented
        If the commit has no such program.
    subprocess.CalledProcessError
        If the program fails.
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
    """Run Python code in a new process and return its processor time in seconds.

    Parameters
    ----------
    code : str
        The code to time.
    setup : str
        Code that runs before it and is not timed.
    """
    timed = f"import time\nbegun = time.process_time()\n{code}\nprint(time.process_time() - begun)"
    line = [sys.executable, "-c", f"{setup}\n{timed}"]
    return float(subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
