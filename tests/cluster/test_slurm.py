"""Sweeps on a real SLURM, whose controller must answer here, with nodes that share this file system."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

PROGRAM = "experiments/converge.py"
SLURM = ("-m", "hydra/launcher=slurm", "hydra.launcher.timeout_min=10", "hydra.launcher.max_jobs=8")
# Each run takes a few hundred milliseconds.
SLOW = ("backend=python", "dim=2", "n_steps=10000", "tol=0", "trace=none", "hydra.launcher.chunk_seconds=2")


def why_not():
    """Return the reason why SLURM cannot be tested here, or None."""
    if importlib.util.find_spec("submitit") is None:
        return "submitit is not installed"
    if shutil.which("sbatch") is None or shutil.which("sinfo") is None:
        return "SLURM's commands are not installed"
    asked = subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True, check=False)
    return None if asked.returncode == 0 and "idle" in asked.stdout else "no SLURM controller with an idle node answers"


REASON = why_not()
# These tests must not run in parallel: they share the nodes, and one of them takes a node down.
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))


def records(folder):
    return pl.read_parquet(folder / "results" / "default" / "runs" / "*.parquet")


def assert_each_once(folder, runs):
    assert records(folder)["run_id"].n_unique() == records(folder).height == runs


def sources(folder):
    """Return, for each file of records, which executor wrote it."""
    files = (folder / "results" / "default" / "runs").glob("*.parquet")
    return [pl.read_parquet_metadata(file).get("executor", "here") for file in files]


@pytest.fixture
def start(root, tmp_path):
    """Return a function that starts a sweep and does not wait for it."""
    begun = []

    def run(*arguments):
        options = [argument for argument in arguments if argument.startswith("--")]
        overrides = [argument for argument in arguments if argument not in options]
        line = [sys.executable, str(root / PROGRAM), *options, *SLURM, *overrides]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        begun.append(subprocess.Popen(line, cwd=tmp_path, **pipes))
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def workers(folder):
    """Return pid and node of each process that works for a sweep in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().split(b"\0")
            environment = dict(
                entry.partition(b"=")[::2] for entry in (process / "environ").read_bytes().split(b"\0") if entry
            )
        except OSError:
            continue
        if b"submitit.core._submit" in line and line[0].endswith(b"python") and str(folder).encode() in line[-2]:
            found.append((int(process.name), environment[b"SLURMD_NODENAME"].decode()))
    return found


def a_worker(folder, process, seconds=1):
    """Wait for a job's process that has run for `seconds`; return its pid and node."""
    while process.poll() is None:
        for pid, node in workers(folder):
            time.sleep(seconds)
            if Path(f"/proc/{pid}").exists():
                return pid, node
        time.sleep(0.02)
    pytest.fail(f"no job has been seen: {process.communicate()}")


def test_ten_thousand_runs_go_through_sbatch(command, tmp_path, capsys):
    sweep = ("dim=2", "n_steps=100", "trace=none", "optimizer.lr='${linspace:0.001,0.1,100}'", "seed=range(0,100)")
    begun = time.perf_counter()
    done = command(PROGRAM, *SLURM, "hydra.launcher.chunk_seconds=0.05", "hydra.launcher.max_jobs=2", *sweep)
    with capsys.disabled():
        print(f"\n10,000 runs through sbatch: {time.perf_counter() - begun:.1f} s")
    assert (done.code, done.out.splitlines()[0].partition(";")[0]) == (0, "10,000 run, 0 recorded before")
    assert_each_once(tmp_path, 10_000)
    assert sources(tmp_path).count("slurm") > 1
    assert not (tmp_path / "results" / "default" / "slurm").exists()
    assert "0 run, 10,000 recorded before" in command(PROGRAM, *SLURM, *sweep).out


def test_a_job_that_is_killed_is_noticed_and_its_work_done_by_others(start, tmp_path):
    process = start(*SLOW, "seed=range(0,30)")
    pid, _ = a_worker(tmp_path, process)
    os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, "30 run, 0 recorded before" in out) == (0, True)
    assert "ended without a result (FAILED" in err
    assert "are sent again" in err
    assert_each_once(tmp_path, 30)
    # The jobs' logs are kept, and the message says where.
    assert "the logs of the jobs are in" in err
    (kept,) = (tmp_path / "results" / "default" / "slurm").iterdir()
    assert str(kept) in err


def test_a_node_that_is_taken_down_is_noticed_and_its_work_done_elsewhere(start, tmp_path):
    nodes = subprocess.run(["sinfo", "-h", "-N", "-o", "%N"], capture_output=True, text=True, check=True).stdout.split()
    if len(set(nodes)) < 2:
        pytest.skip("there is only one node")
    process = start(*SLOW, "seed=range(0,30)")
    _, node = a_worker(tmp_path, process)
    line = ["scontrol", "update", f"nodename={node}"]
    subprocess.run([*line, "state=down", "reason=test"], check=True)
    try:
        _, err = process.communicate(timeout=120)
    finally:
        subprocess.run([*line, "state=resume"], check=False)
    assert process.returncode == 0
    # If the node's daemon is told in time, it asks the job to stop, and the job still reports what it has done.
    ending = rf"ended without a result \(NODE_FAIL on {node}\)|stopped before all its runs were done"
    assert re.search(rf"job \S+ ({ending}); the .* sent again", err)
    assert_each_once(tmp_path, 30)


def test_a_python_error_in_a_job_is_no_success_and_costs_the_others_nothing(command, tmp_path):
    (tmp_path / "broken").mkdir()
    spoil = 'import os, sys\nif os.environ.get("SLURM_ARRAY_TASK_ID") == "1":\n    sys.modules["filelock"] = None\n'
    (tmp_path / "broken" / "sitecustomize.py").write_text(spoil)
    sweep = (*SLURM, *SLOW, "seed=range(0,20)")
    done = command(PROGRAM, *sweep, f"hydra.launcher.setup=['export PYTHONPATH={tmp_path}/broken']")
    assert done.code == 1
    assert "Traceback" not in done.out + done.err
    assert "ModuleNotFoundError: import of filelock halted" in done.out
    runs = records(tmp_path)
    failed = runs.filter(pl.col("status") == "failed")
    assert_each_once(tmp_path, 20)
    assert 0 < failed.height < 20
    assert failed["error"].str.contains("slurm: job .* failed: ModuleNotFoundError").all()
    again = command(PROGRAM, *sweep)
    assert (again.code, f"{failed.height} run, {20 - failed.height} recorded before" in again.out) == (0, True)


def test_a_file_that_is_edited_does_not_change_a_sweep_that_is_under_way(start, tmp_path):
    mine = tmp_path / "mine" / "optimizer" / "mine.yaml"
    mine.parent.mkdir(parents=True)
    numbers = "_target_: adamlab.optimizers.adam.Adam\nbeta1: 0.9\nbeta2: 0.999\neps: 1e-8\nlr: "
    mine.write_text(numbers + "0.01\n")
    process = start("--config-dir=mine", "optimizer=mine", *SLOW, "seed=range(0,20)")
    a_worker(tmp_path, process)
    mine.write_text(numbers + "0.5\n")
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert_each_once(tmp_path, 20)
    assert records(tmp_path)["optimizer.lr"].unique().to_list() == [0.01]
    assert "slurm" in sources(tmp_path)


def test_a_worker_whose_code_is_another_refuses(start, tmp_path):
    code = "import numpy as np\n\ndef f(x):\n    return float(np.sum(x**2))\n\ndef df(x):\n    return 2.0 * x\n"
    (tmp_path / "mine.py").write_text(code)
    custom = ("objective=custom", "objective.value=mine:f", "objective.gradient=mine:df")
    process = start(*custom, *SLOW, "seed=range(0,20)")
    folder = tmp_path / "results" / "default" / "slurm"
    while process.poll() is None and not list(folder.glob("*/*/*_submission.sh")):
        time.sleep(0.01)
    (tmp_path / "mine.py").write_text(code.replace("2.0", "2.5"))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "slurm: a worker must have the code that the sweep was composed with" in err
    assert "Traceback" not in err


def test_an_interrupt_cancels_the_jobs_and_what_they_had_done_is_kept(start, tmp_path):
    process = start(*SLOW, "hydra.launcher.chunk_seconds=20", "seed=range(0,50)")
    a_worker(tmp_path, process, 3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "slurm: cancelled" in err
    assert "converge: interrupted; finished runs are recorded" in err
    assert workers(tmp_path) == []
    assert "slurm" in sources(tmp_path)
    kept = records(tmp_path).height
    assert 0 < kept < 50
    again = start(*SLOW, "seed=range(0,50)")
    out, _ = again.communicate(timeout=120)
    assert f"{50 - kept} run, {kept} recorded before" in out
    assert_each_once(tmp_path, 50)


def test_when_the_submitting_process_is_killed_its_jobs_go_on_and_nothing_is_done_twice(start, tmp_path):
    first = start(*SLOW, "seed=range(0,30)")
    a_worker(tmp_path, first)
    first.kill()
    second = start(*SLOW, "seed=range(0,30)")
    second.communicate(timeout=120)
    assert second.returncode == 0
    while workers(tmp_path):
        time.sleep(0.1)
    assert_each_once(tmp_path, 30)
    # Each sweep has its own folder: that of the killed sweep is left, that of the finished one is removed.
    assert len(list((tmp_path / "results" / "default" / "slurm").iterdir())) == 1


def test_a_mistake_that_sbatch_finds_is_said_in_a_sentence(command, tmp_path):
    done = command(PROGRAM, *SLURM, "hydra.launcher.partition=nowhere", *SLOW, "seed=range(0,20)")
    assert done.code == 2
    assert "slurm: sbatch must take the jobs; it says" in done.err
    assert "nvalid partition" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "results" / "default" / "slurm").exists()
