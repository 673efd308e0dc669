"""The seed in Rust: its three forms of Adam, and the lazy form with hoisted bias corrections (rust_seed.rs).

The machine's rustc compiles the program on first use, once with ``-O`` and once for this processor
(``-C target-cpu=native``; names that end in ``-native``), and the binaries are kept with the compiled kernels. One
process per binary measures its own time, so that its samples can be interleaved with those of the other cases. Every
step evaluates the gradient and the stopping test. The set-up is always included in the time: it makes three vectors,
where each step makes five or more.
"""

import atexit
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from adamlab.compiler.disk_cache import cache_root
from adamlab.measuring.timing import Implementation
from benchmarks.peers import on_sphere, processor_flags

SOURCE = Path(__file__).with_suffix(".rs")
FLAGS = {"": ("-O",), "-native": ("-O", "-C", "target-cpu=native")}
# The Rust forms of each of adamlab's optimizers.
FORMS = {"adam": ("printed", "lazy", "lazy-hoisted"), "adam_reordered": ("reordered",)}
SAMPLED = ("optimizer.lr", "optimizer.beta1", "optimizer.beta2", "optimizer.eps", "tol", "n_steps")


@cache
def missing() -> str | None:
    """Return the reason why this peer cannot run here, or None."""
    if shutil.which("rustc") is None:
        return "rustc is not on this machine"
    try:
        for kind in FLAGS:
            _compiled(kind)
    except (OSError, subprocess.CalledProcessError) as error:
        lines = getattr(error, "stderr", "") or str(error)
        return f"rustc does not work here ({lines.strip().splitlines()[0]})"
    return None


@cache
def version() -> str:
    """Return the compiler's name and version."""
    return _output(["rustc", "--version"])


def implementations(keys: Mapping[str, Any]) -> dict[str, Implementation]:
    """Return the forms for this configuration: Adam on the sphere in float64, with one number as start."""
    same = on_sphere(keys) and keys["dtype"] == "float64" and len(keys["objective.x0"]) == 1
    forms = FORMS.get(keys["optimizer"], ()) if same else ()
    return {f"rust-{form}{kind}": _Form(form, kind, keys) for kind in FLAGS for form in forms}


@dataclass(frozen=True)
class _Form:
    form: str
    kind: str
    keys: Mapping[str, Any]

    def seconds(self, repetitions: int, steps: int, set_up: bool) -> float:  # noqa: ARG002 -- always timed
        """See `adamlab.measuring.timing.Implementation`."""
        return ask(self.form, self.kind, {**self.keys, "n_steps": steps}, repetitions)[0]


def ask(form: str, kind: str, keys: Mapping[str, Any], repetitions: int) -> tuple[float, int, float]:
    """Have the Rust program do a run several times.

    Parameters
    ----------
    form : str
        ``"printed"``, ``"lazy"``, ``"lazy-hoisted"`` or ``"reordered"``.
    kind : str
        ``""`` for the plain binary, ``"-native"`` for that of this processor.
    keys : Mapping
        The run's configuration by swept key.
    repetitions : int
        How many times the run is done.

    Returns
    -------
    seconds : float
        Time of all repetitions together.
    steps : int
        Steps taken by each run.
    last : float
        First coordinate of the last iterate.
    """
    numbers = [keys["dim"], *keys["objective.x0"], *(keys[name] for name in SAMPLED), repetitions]
    process = _process(kind)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(" ".join([form, *map(repr, numbers)]) + "\n")
    process.stdin.flush()
    nanoseconds, steps, last = process.stdout.readline().split()
    return float(nanoseconds) * 1e-9, int(steps), float(last)


@cache
def _process(kind: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen([_compiled(kind)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(_end, process)
    return process


def _end(process: "subprocess.Popen[str]") -> None:
    """Close the process's standard input, which ends it, and wait for it."""
    process.communicate()


def _compiled(kind: str) -> Path:
    made_from = SOURCE.read_bytes() + repr((version(), FLAGS[kind], os.uname().machine, processor_flags())).encode()
    binary = cache_root() / "rust" / f"seed{kind}-{hashlib.sha256(made_from).hexdigest()[:20]}"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        temporary = binary.with_name(f"{binary.name}.{os.getpid()}")
        _output(["rustc", "--edition", "2021", *FLAGS[kind], "-o", str(temporary), str(SOURCE)])
        temporary.rename(binary)
    return binary


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
