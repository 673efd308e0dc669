"""The program ``experiments/converge.py``, run from the command line."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from omegaconf import OmegaConf

from adamlab.records.writing import RunWriter

PROGRAM = "experiments/converge.py"
SMALL = ("dim=2", "n_steps=20")
CONF = Path(__file__).parent.parent / "conf"
LEAVES = (CONF / "optimizer").glob("*.yaml")
STUDIES = sorted(path.stem for path in (CONF / "study").glob("*.yaml"))


def records(tmp_path, study="default", kind="runs"):
    files = (tmp_path / "results" / study / kind).glob("*.parquet")
    return pl.concat([pl.read_parquet(file) for file in files], how="diagonal")


def test_one_run_prints_its_outcome_and_writes_its_record(command, tmp_path):
    done = command(PROGRAM, "optimizer.lr=0.01", "n_steps=10000")
    assert (done.code, done.err) == (0, "")
    assert "converged after 3728 steps, loss 1.21885e-08" in done.out
    row = records(tmp_path).row(0, named=True)
    keys = {"optimizer": "adam", "optimizer.lr": 0.01, "optimizer.beta1": 0.9, "optimizer.beta2": 0.999}
    keys |= {"optimizer.eps": 1e-8, "objective": "sphere", "objective.x0": [10.0], "dim": 128, "n_steps": 10000}
    keys |= {"tol": 1e-6, "seed": 0, "dtype": "float64", "backend": "numba", "trace": "log", "trace.points": 50}
    keys |= {"grad_tol": 0.0, "loss_target": -math.inf, "noise": "none", "schedule": "constant"}
    outcome = {"status": "converged", "stopped_by": "tol", "steps": 3728, "error": None}
    assert {name: row[name] for name in keys | outcome} == keys | outcome
    assert row.keys() - keys.keys() - outcome.keys() == {"run_id", "algorithms", "loss", "grad_norm", "seconds"}
    trace = records(tmp_path, kind="trace")
    assert trace.columns == ["run_id", "step", "loss", "grad_norm", "step_norm", "distance"]
    assert trace["step"][-1] == 3728
    file = next((tmp_path / "results" / "default" / "runs").glob("*.parquet"))
    assert "optimizer.lr=0.01" in pl.read_parquet_metadata(file)["command"]
    assert "hydra-core" in json.loads(pl.read_parquet_metadata(file)["packages"])


def test_a_sweep_runs_every_combination_once_and_only_once(command, tmp_path):
    sweep = ("-m", "optimizer=adam,amsgrad_paper", "optimizer.lr=0.1,0.01", "dim=2,3", "n_steps=10,20", "seed=0,1")
    first = command(PROGRAM, *sweep)
    assert first.code == 0
    assert "32 run, 0 recorded before" in first.out
    assert records(tmp_path)["run_id"].n_unique() == records(tmp_path).height == 32
    again = command(PROGRAM, *sweep, "dim=2,4")
    assert "16 run, 16 recorded before" in again.out
    assert records(tmp_path).height == 48


def test_the_whole_family_is_swept_in_one_command_and_every_number_recorded(command, tmp_path):
    done = command(PROGRAM, "-m", "optimizer=glob(*)", "objective=quadratic", "dim=4", "n_steps=5", "trace=none")
    assert (done.code, done.err) == (0, "")
    runs = records(tmp_path)
    folder = Path(__file__).parent.parent / "conf" / "optimizer"
    assert set(runs["optimizer"]) == {path.stem for path in folder.glob("*.yaml")}
    for row in runs.iter_rows(named=True):
        numbers = OmegaConf.to_container(OmegaConf.load(folder / f"{row['optimizer']}.yaml"))
        del numbers["_target_"]
        assert {name: row[f"optimizer.{name}"] for name in numbers} == numbers


def test_a_named_study_brings_its_sweep_and_keeps_its_own_records(command, tmp_path):
    done = command(PROGRAM, "+study=seed", "backend=numba", "n_steps=100")
    assert done.code == 0
    runs = records(tmp_path, "seed")
    assert runs.height == 4
    assert set(runs["status"]) == {"max_steps"}


@pytest.mark.parametrize("launcher", ["local", "basic"])
def test_hydras_own_launcher_runs_the_same_program(command, tmp_path, launcher):
    done = command(PROGRAM, "-m", f"hydra/launcher={launcher}", "seed=0,1", *SMALL)
    assert done.code == 0
    assert records(tmp_path)["seed"].sort().to_list() == [0, 1]


def test_the_identity_of_a_run_is_the_same_in_another_process_and_folder(command, tmp_path):
    command(PROGRAM, *SMALL)
    command(PROGRAM, *SMALL, "results=elsewhere")
    files = [next((tmp_path / place / "default" / "runs").glob("*.parquet")) for place in ("results", "elsewhere")]
    assert pl.read_parquet(files[0])["run_id"].equals(pl.read_parquet(files[1])["run_id"])


def test_a_run_that_raises_is_a_row_and_the_others_go_on(command, tmp_path):
    sweep = ("-m", "dim=2,10000000000000000,3", "n_steps=20")
    done = command(PROGRAM, *sweep)
    assert done.code == 1
    assert "Traceback" not in done.out + done.err
    runs = records(tmp_path).sort("dim")
    assert runs["status"].to_list() == ["max_steps", "max_steps", "failed"]
    assert "Unable to allocate" in runs["error"][2]
    again = command(PROGRAM, *sweep)
    assert again.code == 1
    assert "1 run, 2 recorded before" in again.out


def test_an_interrupted_sweep_keeps_what_was_finished_and_goes_on_from_there(root, tmp_path):
    line = [sys.executable, str(root / PROGRAM), "-m", "backend=python", "n_steps=1000", "seed=range(0,30)", "tol=0"]
    process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        assert "max_steps" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "converge: interrupted; finished runs are recorded\n"
    finished = records(tmp_path).height
    assert 3 <= finished < 30
    assert not [f for f in (tmp_path / "results").rglob("*") if f.name.endswith(".tmp")]
    rest = subprocess.run([*line, "seed=range(0,4)"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"{max(0, 4 - finished)} run, {min(4, finished)} recorded before" in rest.stdout


WRITING = """
from pathlib import Path
from adamlab.records.schema import RUNS, frame
from adamlab.records.writing import RunWriter
with RunWriter(Path("results"), "default", {}) as writer:
    for number in range(10**6):
        row = {"run_id": str(number), "algorithms": "a", "optimizer": "adam", "seed": number, "status": "converged"}
        writer.add(frame([row], RUNS))
        writer.flush()
"""


def test_a_writer_that_is_killed_leaves_only_whole_files(tmp_path):
    for attempt in range(10):
        process = subprocess.Popen([sys.executable, "-c", WRITING], cwd=tmp_path)
        folder = tmp_path / "results" / "default" / "runs"
        known = len(list(folder.glob("*.parquet"))) if folder.exists() else 0
        while not folder.exists() or len(list(folder.glob("*.parquet"))) < known + 3:
            time.sleep(0.001)
        time.sleep(0.0007 * attempt)
        process.kill()
        process.wait()
    files = list(folder.glob("*.parquet"))
    assert len(files) >= 30
    with RunWriter(tmp_path / "results", "default", {}):
        assert not list(folder.glob(".*.tmp"))
    assert all(pl.read_parquet(file).height == 1 for file in files)


def test_a_finished_run_is_written_while_a_long_one_goes_on_and_an_interrupt_is_heard(root, tmp_path):
    sweep = ["-m", "dim=1", "n_steps=10,1000000000000", "tol=0", "trace=none"]
    process = subprocess.Popen([sys.executable, str(root / PROGRAM), *sweep], cwd=tmp_path, stderr=subprocess.PIPE)
    while not list((tmp_path / "results").rglob("runs/*.parquet")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    process.communicate()
    assert records(tmp_path)["n_steps"].to_list() == [10]


REFUSED = {
    "optimizer.beta1=1.5": "Adam: beta1 must lie in [0, 1); it is 1.5",
    "optimizer.beta2=1": "Adam: beta2 must lie in [0, 1); it is 1",
    "optimizer.eps=-1e-8": "Adam: eps must lie in [0, inf); it is -1e-08",
    "optimizer.lr=0": "Adam: lr must lie in (0, inf); it is 0",
    "optimizer.lr=nan": "Adam: lr must lie in (0, inf); it is nan",
    "optimizer.lr=inf": "Adam: lr must lie in (0, inf); it is inf",
    "optimizer.lr=fast": "Adam: lr must be a number in (0, inf); it is 'fast'",
    "optimizer.lr=null": "Adam: lr must be a number in (0, inf); it is None",
    "optimizer.lr=true": "Adam: lr must be a number in (0, inf); it is True",
    "tol=-1": "stopping: tol must lie in [0, inf); it is -1",
    "n_steps=0": "converge: n_steps must lie in [1, 2^63); it is 0",
    "n_steps=2.5": "converge: n_steps must be a whole number in [1, 2^63); it is 2.5",
    "dim=0": "Sphere: dim must lie in [1, 2^63); it is 0",
    "dtype=float16": "Sphere: dtype must be one of float64, float32; it is 'float16'",
    "backend=gpu": "converge: backend must be one of python, numpy, numba; it is 'gpu'",
    "study_name=../up": "converge: study_name must be a plain name for a folder; it is '../up'",
    "results=null": "converge: results must be a path; it is None",
    "optimizer=adm": (
        f"converge: optimizer must be one of {', '.join(sorted(path.stem for path in LEAVES))}; "
        "it is 'adm'; did you mean adam?"
    ),
    "+study=sed": f"converge: study must be one of {', '.join(STUDIES)}; it is 'sed'; did you mean seed?",
    "optimizer.lrr=1": (
        "converge: there is no key optimizer.lrr; did you mean optimizer.lr? "
        "(known: optimizer.lr, optimizer.beta1, optimizer.beta2, optimizer.eps)"
    ),
    "+optimizer.lrr=1": "Adam: has no lrr; did you mean lr? (it has lr, beta1, beta2, eps)",
    "~optimizer.eps": "Adam: optimizer.eps must be given",
    "optimizer._target_=os.system": ("optimizer: _target_ must name a class in adamlab.optimizers; it is 'os.system'"),
    "optimizer._target_=adamlab.optimizers.adam.np": (
        "optimizer: _target_ must name a class in adamlab.optimizers; there is no adamlab.optimizers.adam.np"
    ),
    "objective._target_=adamlab.optimizers.adam.Adam": (
        "objective: _target_ must name a class in adamlab.objectives; it is 'adamlab.optimizers.adam.Adam'"
    ),
    "+hydra.callbacks.x._target_=os.system": (
        "hydra: callbacks must be empty; a configuration cannot run code of its own"
    ),
    "+hydra.job.env_set.PATH=/tmp": "hydra: job.env_set must be empty; a configuration cannot run code of its own",
    "hydra.launcher._target_=os.system": "hydra: _target_ must be a plugin of Hydra or of adamlab; it is 'os.system'",
    "+hydra.launcher.x._target_=os.system": (
        "hydra: _target_ must be a plugin of Hydra or of adamlab; it is 'os.system'"
    ),
    "hydra.launcher._target_=hydra._internal.core_plugins.basic_launcher.logging.os.system": (
        "hydra: _target_ must be a plugin of Hydra or of adamlab; it is "
        "'hydra._internal.core_plugins.basic_launcher.logging.os.system'"
    ),
    "+hydra.job_logging.formatters.x.class=logging.os.execlp": (
        "hydra: a logging class must be one of Python's; it is 'logging.os.execlp'"
    ),
    "+hydra.job_logging.handlers.x.stream=ext://antigravity.geohash": (
        "hydra: a logging stream must be stdout or stderr; it is 'ext://antigravity.geohash'"
    ),
    "hydra.mode=SOMETIMES": "converge: hydra.mode: Invalid value 'SOMETIMES', expected one of [RUN, MULTIRUN]",
    "seed=99999999999999999999": "converge: seed must lie in [0, 2^63); it is 99999999999999999999",
    "objective.x0=[1,2,3]": "Sphere: x0 must hold at most dim = 2 numbers; it has 3",
    "+optimizer={1: 2}": "Adam: has no 1 (it has lr, beta1, beta2, eps)",
    "optimizer=null": "converge: Config group override must be a string or a list. Got NoneType",
    "optimizer.lr=${missing}": "converge: optimizer.lr: Interpolation key 'missing' not found",
}


@pytest.mark.parametrize("override", REFUSED)
def test_a_mistake_is_refused_in_one_sentence_before_anything_is_written(command, tmp_path, override):
    small = () if override.startswith("dim=") else ("dim=2",)
    done = command(PROGRAM, override, *small)
    assert (done.code, done.err, done.out) == (2, REFUSED[override] + "\n", "")
    assert not (tmp_path / "results").exists()


def test_an_unknown_key_is_met_with_the_nearest_and_all_known_ones(command):
    done = command(PROGRAM, "dimm=3")
    assert done.code == 2
    assert done.err.startswith(
        "converge: there is no key dimm; did you mean dim? (known: results, study_name, dim, n_steps"
    )


def test_a_mistake_in_the_last_job_of_a_sweep_is_refused_before_the_first_runs(command, tmp_path):
    done = command(PROGRAM, "-m", "optimizer.lr=0.1,0.2,slow", *SMALL)
    assert (done.code, done.err) == (2, "Adam: lr must be a number in (0, inf); it is 'slow'\n")
    assert not (tmp_path / "results").exists()


def test_an_interpolation_cannot_bring_code_to_hydra(command, tmp_path):
    target = tmp_path / "run"
    evil = ["+evil.x._target_=pathlib.Path.touch", f"+evil.x.self={target}"]
    for place in ("hydra.callbacks=${evil}", "+hydra.launcher.x=${evil.x}", "+hydra.sweeper.x=${evil.x}"):
        done = command(PROGRAM, "n_steps=2", *evil, place)
        assert done.code == 2
        assert done.err.startswith("hydra: ")
    assert not target.exists()


def test_a_job_may_know_its_number(command, tmp_path):
    assert command(PROGRAM, "-m", "seed=${hydra:job.num}", "dim=2,3", "n_steps=5").code == 0
    assert sorted(records(tmp_path)["seed"]) == [0, 1]


@pytest.mark.parametrize("place", ["results=file", "results=/proc/none"])
def test_a_folder_that_cannot_be_made_is_refused_before_anything_runs(command, tmp_path, place):
    (tmp_path / "file").touch()
    done = command(PROGRAM, place, *SMALL)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("records: cannot make the folder ")


def test_a_file_that_is_no_record_is_named(command, tmp_path):
    command(PROGRAM, *SMALL)
    file = tmp_path / "results" / "default" / "runs" / "empty.parquet"
    file.touch()
    done = command(PROGRAM, *SMALL)
    assert (done.code, done.err) == (
        2,
        "records: results/default/runs/empty.parquet is not a Parquet file; move it to another folder\n",
    )
