"""Sweeps from the command line: completed runs, interruptions, several writers, and launchers."""

import fcntl
import os
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

import polars as pl
import pytest

from adamlab.records.reading import read
from adamlab.records.writing import RunWriter

PROGRAM = "experiments/converge.py"
SMALL = ("dim=2", "n_steps=20", "trace=none")
# Some seconds of work, half of which holds Python's global interpreter lock.
LONG = ("-m", "seed=range(0,120)", "backend=python,numba", "n_steps=400", "dim=2", "tol=0", "trace.points=5")
RUNS = 240


def rows(folder, study="default", kind="runs"):
    """Return all rows of all files, as any program would read them."""
    files = sorted((folder / "results" / study / kind).glob("*.parquet"))
    return pl.concat([pl.read_parquet(file) for file in files], how="diagonal") if files else pl.DataFrame()


def leftovers(folder):
    return [path.name for path in (folder / "results").rglob("*") if path.is_file() and path.suffix != ".parquet"]


def is_whole(folder, runs):
    """Return whether every run is recorded exactly once, with its trace, and no other files are left."""
    found, trace = rows(folder), rows(folder, kind="trace")
    return (
        found["run_id"].n_unique() == found.height == runs
        and set(trace["run_id"]) == set(found["run_id"])
        and not trace.select("run_id", "step").is_duplicated().any()
        and set(leftovers(folder)) <= {".lock"}
    )


def test_the_same_command_runs_what_is_missing_and_added_values_run_alone(command, tmp_path):
    sweep = ("-m", "optimizer.lr=0.1,0.01", "seed=0,1,2", *SMALL)
    assert "6 run, 0 recorded before" in command(PROGRAM, *sweep).out
    assert "0 run, 6 recorded before" in command(PROGRAM, *sweep).out
    assert "4 run, 6 recorded before" in command(PROGRAM, *sweep, "seed=0,1,2,3,4").out
    assert rows(tmp_path)["run_id"].n_unique() == rows(tmp_path).height == 10
    again = command(PROGRAM, *sweep, "resume=false")
    assert "6 run, 0 recorded before" in again.out
    assert rows(tmp_path).height == 16
    assert read(tmp_path / "results", "default", "runs").height == 10


def test_an_edit_of_a_leaf_makes_its_own_runs_stale_and_no_others(root, tmp_path):
    for name in ("adamlab", "experiments", "hydra_plugins", "conf", "benchmarks"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    sweep = [sys.executable, PROGRAM, "-m", "optimizer=sgd,momentum,signum", "seed=0,1", "backend=numpy", *SMALL]

    def run():
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(sweep, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return [line.split()[0] for line in done.stdout.splitlines() if "loss" in line and "before" not in line]

    assert run() == ["sgd", "sgd", "momentum", "momentum", "signum", "signum"]
    leaf = tmp_path / "adamlab" / "optimizers" / "momentum.py"
    leaf.write_text(leaf.read_text() + "\n# Seen anew.\n")
    assert run() == ["momentum", "momentum"]
    assert run() == []
    used = tmp_path / "adamlab" / "running" / "stepping.py"
    used.write_text(used.read_text() + "\n# Used by all.\n")
    assert len(run()) == 6


def test_twenty_kills_lose_nothing_and_leave_nothing_behind(start_program, tmp_path):
    moments, codes = random.Random(0), []
    for _ in range(20):
        process = start_program(PROGRAM, *LONG)
        time.sleep(moments.uniform(0.1, 0.8))
        process.send_signal(signal.SIGKILL)
        codes.append(process.wait().code)
        found = rows(tmp_path)
        assert found.is_empty() or found["run_id"].n_unique() == found.height
    assert -signal.SIGKILL in codes
    done = start_program(PROGRAM, *LONG).wait()
    assert (done.code, is_whole(tmp_path, RUNS)) == (0, True), done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_heard_and_what_was_finished_is_recorded(start_program, tmp_path, number):
    process = start_program(PROGRAM, *LONG, "n_steps=2000")
    while rows(tmp_path).is_empty():
        time.sleep(0.05)
    process.send_signal(number)
    process.wait()
    assert process.code == 130
    assert process.err == "converge: interrupted; finished runs are recorded\n"
    finished = rows(tmp_path).height
    assert is_whole(tmp_path, finished)
    assert 0 < finished < RUNS


def test_two_sweeps_of_the_same_study_at_once_record_each_run_once(start_program, tmp_path):
    both = [start_program(PROGRAM, *LONG) for _ in range(2)]
    assert [process.wait().code for process in both] == [0, 0], [process.err for process in both]
    assert is_whole(tmp_path, RUNS)


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system that has room for a few records only."""
    place = tmp_path / "results"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_ends_a_sweep_in_one_sentence_with_whole_records(command, tmp_path, small_disk):
    sweep = ("-m", "seed=range(0,400)", "optimizer=adam,sgd,adamax", "backend=numpy", "n_steps=40", "dim=2", "tol=0")
    done = command(PROGRAM, *sweep)
    assert done.code == 2
    assert re.fullmatch(
        r"converge: results/default/(runs|trace)/\S+: cannot be written: No space left on device",
        done.err.splitlines()[-1],
    )
    assert "Traceback" not in done.err
    assert "workers" not in done.err
    finished = rows(tmp_path)
    assert finished.is_empty() or finished["run_id"].n_unique() == finished.height
    assert set(leftovers(tmp_path)) <= {".lock"}
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    again = command(PROGRAM, *sweep)
    assert (again.code, again.err) == (0, "")
    assert f"{1200 - finished.height:,} run, {finished.height:,} recorded before" in again.out
    assert is_whole(tmp_path, 1200)


def test_what_another_has_recorded_meanwhile_is_not_recorded_again(tmp_path):
    def run(name, status="converged"):
        return pl.DataFrame({"run_id": [name], "status": [status]})

    with RunWriter(tmp_path, "s", {}) as one, RunWriter(tmp_path, "s", {}) as other:
        one.add(run("a"))
        other.add(run("a"))
        other.add(run("b", "failed"))
        one.flush()
        other.flush()
        one.add(run("b"))
    found = pl.concat([pl.read_parquet(file) for file in sorted((tmp_path / "s" / "runs").glob("*.parquet"))])
    assert found.rows() == [("a", "converged"), ("b", "failed"), ("b", "converged")]


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_hydras_own_launchers_run_the_same_program(command, tmp_path, launcher):
    done = command(PROGRAM, "-m", f"hydra/launcher={launcher}", "dim=2,10000000000000000,3", "n_steps=20")
    assert done.code == 1
    assert "Traceback" not in done.out + done.err
    assert rows(tmp_path).sort("dim")["status"].to_list() == ["max_steps", "max_steps", "failed"]
    refused = command(PROGRAM, "-m", f"hydra/launcher={launcher}", "optimizer.lr=0.1,slow", *SMALL)
    assert refused.code == 2
    assert refused.err.splitlines()[-1] == "Adam: lr must be a number in (0, inf); it is 'slow'"


def test_another_sweeper_chooses_the_runs_by_their_losses(command, tmp_path):
    budget = ("hydra.sweeper.n_trials=6", "hydra.sweeper.n_jobs=3", "hydra.sweeper.sampler.seed=1")
    done = command(PROGRAM, "-m", "hydra/sweeper=optuna", *budget, "optimizer.lr=interval(0.01,1)", *SMALL)
    assert done.code == 0
    assert rows(tmp_path).height == 6
    best = next((tmp_path / "results").rglob("optimization_results.yaml")).read_text()
    assert f"best_value: {rows(tmp_path)['loss'].min()}" in best


def test_a_sweep_of_many_says_how_many_ended_how_and_its_failures_at_the_end(command, tmp_path):
    (tmp_path / "odd.py").write_text(
        "import numpy as np\nf = lambda x: np.sum(x * x)\ncalls = 0\n\n\ndef df(x):\n    global calls\n    calls += 1\n"
        "    if calls % 7 == 0:\n        raise ValueError('the seventh call')\n    return 2 * x\n"
    )
    custom = ("objective=custom", "objective.value=odd:f", "objective.gradient=odd:df", "backend=numpy")
    done = command(PROGRAM, "-m", *custom, "seed=range(0,150)", "dim=2", "n_steps=1", "trace=none", "tol=0")
    assert done.code == 1
    failed = rows(tmp_path).filter(pl.col("status") == "failed").height
    assert failed > 0
    assert f"{150 - failed} max_steps, {failed} failed" in done.out
    assert f"{failed} failed:\n" in done.out
    assert "ValueError: the seventh call; for example adam (lr 0.001) on custom, dim 2, numpy" in done.out
    assert done.out.count("max_steps") == 1


def test_runs_that_cannot_be_done_together_fail_alone(command, tmp_path):
    done = command(PROGRAM, "-m", "dim=10000000000000000,2", "seed=0,1,2", "n_steps=20", "trace=none")
    assert done.code == 1
    assert "Traceback" not in done.out + done.err
    assert rows(tmp_path).sort("dim", "seed")["status"].to_list() == ["max_steps"] * 3 + ["failed"] * 3


def test_a_dry_run_says_what_would_be_run_and_runs_nothing(command, tmp_path):
    sweep = ("-m", "optimizer=adam,sgd", "optimizer.lr=${logspace:-3,0,40}", "seed=0,1", *SMALL)
    done = command(PROGRAM, *sweep, "dry_run=true")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "160 runs"
    assert lines[1].split() == ["optimizer", "2:", "adam,", "sgd"]
    assert lines[2].split()[:3] == ["optimizer.lr", "40:", "0.001,"]
    assert lines[4] == "0 recorded before, 160 to run"
    assert re.fullmatch(r"about \S+ \w+ on one core, .*", lines[5])
    assert not (tmp_path / "results").exists()
    assert command(PROGRAM, *sweep, "seed=0").code == 0
    assert "80 recorded before, 80 to run" in command(PROGRAM, *sweep, "dry_run=true").out


def test_a_bar_is_shown_on_a_terminal_and_plain_lines_elsewhere(root, tmp_path):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    line = [sys.executable, str(root / PROGRAM), "-m", "seed=range(0,300)", "backend=numpy", *SMALL]
    process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:
        pass  # reading fails once the last writer has closed the terminal
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "300 run, 0 recorded before" in out
    assert b"300/300" in seen or b"/300 [" in seen
    assert b"failed" in seen
