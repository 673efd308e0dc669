"""Sweeps on Ray, on this machine, in a network namespace that has only the loopback interface."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

PROGRAM = "experiments/converge.py"
# `unshare` makes a network without a connection to the outside; its loopback interface must be brought up.
CONFINED = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


def why_not():
    """Return the reason why Ray cannot be tested here, or None."""
    if importlib.util.find_spec("ray") is None:
        return "Ray is not installed"
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "a network namespace needs unshare and ip (Debian's util-linux and iproute2)"
    asked = subprocess.run([*CONFINED, "true"], capture_output=True, text=True, check=False)
    return None if asked.returncode == 0 else "no network namespace can be made here"


REASON = why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))


def workers():
    """Return the ids of the processes that work on a chunk for Ray."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes().startswith(b"ray::_perform"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_a_sweep_on_ray_is_complete_though_a_worker_is_killed_and_an_error_there_is_no_success(root, tmp_path):
    slow = ("backend=python", "dim=2", "n_steps=10000", "tol=0", "trace=none", "seed=range(0,30)")
    settings = ("-m", "hydra/launcher=ray", "hydra.launcher.chunk_seconds=1.5")
    line = [*CONFINED, sys.executable, str(root / PROGRAM), *settings, *slow]
    process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    killed = False
    while process.poll() is None:
        if not killed and (pids := workers()):
            time.sleep(0.5)
            os.kill(pids[0], signal.SIGKILL)
            killed = True
        time.sleep(0.02)
    out, err = process.communicate()
    assert killed
    assert (process.returncode, "30 run, 0 recorded before" in out) == (0, True), err
    assert "ray: a worker was lost (WorkerCrashedError); the" in err
    folder = tmp_path / "results" / "default" / "runs"
    runs = pl.read_parquet(folder / "*.parquet")
    assert runs["run_id"].n_unique() == runs.height == 30
    assert "ray" in {pl.read_parquet_metadata(file).get("executor") for file in folder.glob("*.parquet")}
    # An error of Python itself in a worker is recorded in the rows of its runs.
    (tmp_path / "broken").mkdir()
    there = 'b"default_worker" in open("/proc/self/cmdline", "rb").read()'
    spoil = f'import sys\nif {there}:\n    sys.modules["polars"] = None\n'
    (tmp_path / "broken" / "sitecustomize.py").write_text(spoil)
    broken = {**os.environ, "PYTHONPATH": str(tmp_path / "broken")}
    line.append("seed=range(0,50)")
    again = subprocess.run(line, cwd=tmp_path, env=broken, capture_output=True, text=True, check=False)
    assert (again.returncode, "20 run, 30 recorded before" in again.stdout) == (1, True), again.stderr
    assert "ray: a task failed: ModuleNotFoundError: import of polars halted" in again.stdout
    assert "Traceback" not in again.stdout + again.stderr
    assert pl.read_parquet(folder / "*.parquet")["run_id"].n_unique() == 50
