"""Instructions per parameter and step, counted by valgrind's callgrind; other work on the machine does not change them.

valgrind emulates a processor without AVX-512 and counts a division as one instruction. The kernels are therefore
compiled for one fixed processor without AVX-512, and the count detects changes but does not measure their size: twice
the time may be a quarter more instructions.
"""

import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from asv_runner.benchmarks.mark import SkipNotImplemented

from .steps import ELEMENTWISE

HERE = Path(__file__).resolve().parents[1] / "callgrind"
POINTS = {
    **{(optimizer, f"numba dim={dim}"): f"numba {optimizer} {dim} {100_000 // dim}"
       for optimizer in ELEMENTWISE for dim in (128, 4096)},
    ("adam", "numpy dim=128"): "numpy adam 128 40",
    ("adam", "python dim=128"): "python adam 128 4",
    ("muon", "numpy dim=128"): "numpy muon 128 40",
}  # fmt: skip
COMPILERS = ("cc", "gcc", "clang")


def count() -> dict[str, Any]:
    """Count the instructions of all `POINTS`.

    Returns
    -------
    dict
        Instructions per parameter and step by point, or the reason why nothing was counted under ``"missing"``.
    """
    valgrind, compiler = shutil.which("valgrind"), next(filter(None, map(shutil.which, COMPILERS)), None)
    if valgrind is None or compiler is None:
        return {"missing": "valgrind and a C compiler are needed"}
    with tempfile.TemporaryDirectory() as name:
        requests = Path(name) / "requests.so"
        line: list[str | Path] = [compiler, "-O2", "-shared", "-fPIC", "-o", requests, HERE / "requests.c"]
        if subprocess.run(line, capture_output=True, check=False).returncode:
            return {"missing": "valgrind's header callgrind.h is needed"}
        program: list[str | Path] = [sys.executable, HERE / "count.py", requests, *POINTS.values()]
        # The first run, without valgrind, leaves the kernels on disk: compiling under valgrind is slow.
        for under in ([], [valgrind, "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={name}/out"]):
            subprocess.run([*under, *program], env=_settings(), check=True, capture_output=True)
        return _per_parameter(Path(name))


def _settings() -> dict[str, str]:
    """Return environment variables that make runs repeatable and kernels the same on all processors."""
    settings = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONHASHSEED": "0"}
    if platform.machine() == "x86_64":
        settings |= {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": ""}
    return settings


def _per_parameter(folder: Path) -> dict[str, float]:
    counted: dict[str, dict[int, int]] = {point: {} for point in POINTS.values()}
    for dump in sorted(folder.glob("out.*"), key=lambda path: int(path.suffix[1:])):
        head = dump.read_text(errors="replace")[:2000]
        name = re.search(r"^desc: Trigger: Client Request: (.*)$", head, re.MULTILINE)
        sum_ = re.search(r"^summary: (\d+)$", head, re.MULTILINE)
        if name and sum_ and name[1] != "before":
            point, _, times = name[1].rpartition(" ")
            counted[point][int(times)] = int(sum_[1])
    return {point: (parts[2] - parts[1]) / _updates(point) for point, parts in counted.items() if len(parts) == 2}


def _updates(point: str) -> int:
    return math.prod(int(number) for number in point.split()[2:])


class Instructions:
    """Instructions of a step divided by the number of parameters."""

    version = "1"
    unit = "instructions per parameter"
    timeout = 300
    param_names = ("optimizer", "backend")
    params = ([*ELEMENTWISE, "muon"], ["numba dim=128", "numba dim=4096", "numpy dim=128", "python dim=128"])

    def setup_cache(self) -> dict[str, Any]:
        return count()

    def track_per_parameter(self, counted: dict[str, Any], optimizer: str, backend: str) -> float:
        if "missing" in counted:
            raise SkipNotImplemented(counted["missing"])
        point = POINTS.get((optimizer, backend))
        if point is None:
            raise SkipNotImplemented("not among the points that are counted")
        if point not in counted:
            raise SkipNotImplemented(f"this commit has no {point}")
        return float(counted[point])

    setup_cache.timeout = 300  # type: ignore[attr-defined]
