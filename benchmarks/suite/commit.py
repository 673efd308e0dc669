"""What the commit under test offers: names of the package, and the programs of its tree."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from asv_runner.benchmarks.mark import SkipNotImplemented


def offered(module: str, name: str) -> Any:
    """A public name of the package; raises `SkipNotImplemented` where the commit has none such."""
    try:
        return getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise SkipNotImplemented(f"this commit has no {module}.{name}") from error


def tree() -> Path:
    """The commit's files: asv's checkout, or this one where asv runs in an existing environment."""
    checkout = Path(os.environ.get("ASV_ENV_DIR", "")) / "project"
    here = Path(__file__).resolve().parents[2]
    return checkout if "ASV_ENV_DIR" in os.environ and (checkout / "pyproject.toml").exists() else here


def run_program(program: str, *arguments: str, folder: Path) -> str:
    """Run a program of the commit's tree in ``folder``; returns what it printed.

    Raises `SkipNotImplemented` where the commit has no such program, and `subprocess.CalledProcessError` where it fails.
    """
    path = tree() / program
    if not path.exists():
        raise SkipNotImplemented(f"this commit has no {program}")
    settings = {**os.environ, "PYTHONPATH": str(tree())}
    line = [sys.executable, str(path), *arguments]
    done = subprocess.run(line, cwd=folder, env=settings, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout
