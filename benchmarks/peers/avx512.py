"""Reordered Adam on the sphere, written by hand with AVX-512 instructions (avx512.c): a yardstick for compiled loops.

The machine's C compiler compiles it on first use, and it is called in this process. Gradient and stopping test are
fused into every step. float64 only.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from adamlab.compiler.disk_cache import cache_root
from adamlab.measuring.timing import Advance, Implementation, Runs
from benchmarks.peers import hyperparameters, on_sphere, processor_flags, sphere_start

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ("-O3", "-std=gnu11", "-mavx512f", "-mfma", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC")
COMPILERS = ("cc", "gcc", "clang")


class _Settings(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_double) for name in ("lr", "beta1", "beta2", "eps", "tol"))


class _Progress(ctypes.Structure):
    _fields_ = (("t", ctypes.c_int64), ("beta1_t", ctypes.c_double), ("beta2_t", ctypes.c_double))


@cache
def missing() -> str | None:
    """Return the reason why this peer cannot run here, or None."""
    if "avx512f" not in processor_flags().split():
        return "the processor has no AVX-512"
    if _compiler() is None:
        return "no C compiler is on this machine"
    try:
        _library()
    except (OSError, subprocess.CalledProcessError) as error:
        lines = getattr(error, "stderr", "") or str(error)
        return f"the C compiler does not work here ({lines.strip().splitlines()[0]})"
    return None


@cache
def version() -> str:
    """Return the compiler's name and version."""
    return _output([str(_compiler()), "--version"]).splitlines()[0]


def implementations(keys: Mapping[str, Any]) -> dict[str, Implementation]:
    """Return the one loop, if it supports this configuration."""
    here = keys["optimizer"] == "adam_reordered" and on_sphere(keys) and keys["dtype"] == "float64"
    return {"avx512": Runs(lambda: _begin(keys))} if here else {}


def _begin(keys: Mapping[str, Any]) -> Advance:
    h, theta, library = hyperparameters(keys), sphere_start(keys), _library()
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    settings, progress = _Settings(h.lr, h.beta1, h.beta2, h.eps, keys["tol"]), _Progress(0, 1.0, 1.0)
    places = [array.ctypes.data_as(ctypes.c_void_p) for array in (theta, m, v)]
    fixed = (ctypes.byref(settings), ctypes.byref(progress), *places, ctypes.c_int64(theta.size))

    def advance(steps: int) -> Any:
        library.advance(*fixed, ctypes.c_int64(progress.t + steps))
        return theta

    return advance


def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, COMPILERS)), None)


@cache
def _library() -> Any:
    made_from = SOURCE.read_bytes() + repr((version(), FLAGS, os.uname().machine)).encode()
    binary = cache_root() / "c" / f"avx512-{hashlib.sha256(made_from).hexdigest()[:20]}.so"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        temporary = binary.with_name(f"{binary.name}.{os.getpid()}")
        _output([str(_compiler()), *FLAGS, "-o", str(temporary), str(SOURCE), "-lm"])
        temporary.rename(binary)
    return ctypes.CDLL(str(binary))


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
