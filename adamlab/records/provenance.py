"""Provenance of a record: time, command line, commit, machine and versions."""

import json
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("adamlab", "numpy", "numba", "llvmlite", "polars", "scipy", "hydra-core", "omegaconf", "matplotlib")


def provenance(**more: str) -> dict[str, str]:
    """Return the footer metadata of a record that is written now.

    Parameters
    ----------
    **more : str
        Further entries, which are added or replace others.

    Returns
    -------
    dict of str to str
        ``time`` (ISO 8601, UTC), ``command`` (the command line), ``git_commit`` (``not a git checkout`` without one),
        ``git_clean`` (whether the checkout was without changes: ``true``, ``false``, or empty outside a checkout),
        ``machine``, ``python`` (version) and ``packages`` (versions of `PACKAGES`, a JSON object).
    """
    commit = _git("rev-parse", "HEAD")
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "git_commit": commit or "not a git checkout",
        "git_clean": "" if commit is None else str(_git("status", "--porcelain") == "").lower(),
        "machine": machine(),
        "python": platform.python_version(),
        "packages": json.dumps({name: found for name in PACKAGES if (found := _version(name))}),
        **more,
    }


def machine() -> str:
    """Return processor, number of usable cores and system in one phrase, without the host name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()} {platform.machine()}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """Return what git prints about the checkout that this file lies in; None if there is no checkout or no git."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
