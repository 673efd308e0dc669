"""Chunks of work for other machines, tested in this process: how they are cut, done, lost and refused."""

import pickle
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hydra import compose, initialize_config_dir

from adamlab.records.provenance import provenance
from adamlab.records.reading import files, read_all
from adamlab.rules.symbols import ConfigurationError
from experiments.sweeping import calibration
from experiments.sweeping.calibration import Calibration
from experiments.sweeping.chunks import Chunk, cut
from experiments.sweeping.dispatch import Lost, Sizes, last_error, send_away
from experiments.sweeping.executors import slurm
from experiments.sweeping.families import Piece
from experiments.sweeping.remaining import known_files, remaining
from experiments.sweeping.results import Destination, PieceResult
from experiments.sweeping.sweep import Sweep

PROGRAM = "experiments/converge.py"
LAUNCHER = {"cpus_per_task": 1, "max_jobs": 2, "chunk_seconds": 0.01, "retries": 1}


@pytest.fixture
def work(root, tmp_path, monkeypatch):
    """Return a function that makes runs of the numpy backend, to be recorded in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def make(n_steps=(20,), seeds=8):
        families = []
        for steps in n_steps:
            changed = ["dim=2", f"n_steps={steps}", "backend=numpy", "tol=0", "trace=none"]
            with initialize_config_dir(str(root / "conf"), version_base="1.3"):
                family = Sweep.of_one("converge", compose("converge", changed)).families[0]
            families.append(replace(family, axes={"seed": np.arange(seeds)}))
        return remaining(families, known_files(families), True)

    return make


def destination(work):
    place = work[0].family.place
    return Destination(*place, provenance(), files(*place, "runs"))


def chunk(work, **changed):
    return replace(Chunk(work, destination(work).absolute(), 1, True), **changed)


def place_of(work):
    return work[0].family.place


def test_work_is_cut_by_what_it_costs(work):
    todo = work((10, 1000, 100_000), 50)
    costs = {10: 1e-5, 1000: 1e-2, 100_000: 3.0}

    def cost(part):
        return costs[part.family.configuration.n_steps]

    for size, most in ((1.0, 1000), (10.0, 1000), (1.0, 7), (1e6, 5)):
        parts = cut(todo, cost, size, most)
        assert len(parts) <= most
        seen = [(t.family.configuration.n_steps, place) for part in parts for t in part for place in t.places.tolist()]
        assert len(seen) == len(set(seen)) == 150
        total = sum(t.size * cost(t) for t in todo)
        whole = max(size, total / most)
        assert max(sum(t.size * cost(t) for t in part) for part in parts) <= max(1.6 * whole, 3.0 + whole)
    # Long runs are not merged into larger chunks, even where there are only few.
    assert len(cut(todo, cost, 1.0, 1000)) >= 50


def test_a_chunk_survives_the_way_and_is_recorded_once_though_it_is_done_twice(work):
    todo = work()
    sent = pickle.loads(pickle.dumps(chunk(todo)))
    first = sent.perform("slurm", job="1", node="n1")
    assert (first.runs, first.recorded, first.rows.height) == (8, True, 8)
    second = pickle.loads(pickle.dumps(sent)).perform("slurm", job="2", node="n2")
    assert second.statuses == first.statuses
    rows = read_all(*place_of(todo), "runs")
    assert rows.height == rows["run_id"].n_unique() == 8
    (file,) = files(*place_of(todo), "runs")
    footer = pl.read_parquet_metadata(file)
    assert (footer["executor"], footer["job"], footer["node"]) == ("slurm", "1", "n1")
    assert footer["command"] == sent.destination.provenance["command"]


def test_what_was_recorded_before_the_sweep_is_run_again_if_that_is_wanted(work):
    todo = work()
    chunk(todo).perform("slurm")
    assert chunk(todo).perform("slurm").runs == 8
    rows = read_all(*place_of(todo), "runs")
    assert (rows.height, rows["run_id"].n_unique()) == (16, 8)


def test_a_worker_with_other_code_refuses(work):
    todo = work()[0]
    other = replace(todo.family.configuration, algorithms="0" * 20)
    with pytest.raises(ConfigurationError, match="ray: a worker must have the code that the sweep was composed with"):
        chunk([replace(todo, family=replace(todo.family, configuration=other))]).perform("ray")
    assert not files(*todo.family.place, "runs")


class Unlucky:
    """A cluster in this process that loses and spoils some of the chunks that it is sent."""

    def __init__(self, answer):
        self.answer, self.sent, self.waiting = answer, [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def send(self, chunks):
        self.sent.append(list(chunks))
        self.waiting.extend(chunks)

    def answers(self):
        sent = self.waiting.pop(0)
        yield sent, self.answer(sent, len(self.sent))


def sweep(todo, answer, **settings):
    """Do the work on an unlucky cluster; return the results of its chunks, and the cluster."""
    cluster, goal = Unlucky(answer), destination(todo)
    with goal.writer() as writer:
        done = []
        for part in send_away("cluster", Sizes.of("cluster", {**LAUNCHER, **settings}), todo, goal, cluster):
            if not part.recorded:
                writer.add(part.rows)
            done.append(part)
    return PieceResult.together(done, False), cluster


def test_what_a_lost_worker_had_not_recorded_is_sent_again(work):
    todo = work((2000,), 40)

    def answer(sent, sending):
        if sending > 1:
            return sent.perform("cluster")
        # The worker does some of its runs, and is killed.
        replace(sent, work=[sent.work[0].part(0, 3)]).perform("cluster")
        return Lost("it was killed", again=True)

    with pytest.warns(UserWarning, match="cluster: it was killed; the .* runs it had not recorded are sent again"):
        done, cluster = sweep(todo, answer)
    assert len(cluster.sent) > 1
    assert done.statuses == {"max_steps": 40}
    rows = read_all(*place_of(todo), "runs")
    assert rows.height == rows["run_id"].n_unique() == 40


def test_what_always_ends_its_worker_is_given_up_alone(work):
    todo = work((2000,), 40)

    def answer(sent, _):
        ids = [run for part in sent.work for run in part.run_ids]
        return Lost("it was killed", again=True) if poison in ids else sent.perform("cluster")

    poison = todo[0].family.run_ids[30]
    with pytest.warns(UserWarning, match="are sent again"):
        done, _ = sweep(todo, answer, retries=4)
    assert done.statuses == {"max_steps": 39, "failed": 1}
    failed = read_all(*place_of(todo), "runs").filter(pl.col("status") == "failed")
    assert failed.select("run_id", "error").rows() == [(poison, "cluster: it was killed")]


def test_what_cannot_get_better_is_not_sent_again_and_the_others_go_on(work):
    todo = work((2000,), 40)
    spoilt = []

    def answer(sent, _):
        if not spoilt:
            spoilt.append(sent)
            return Lost("a job failed: OSError: no", again=False)
        return sent.perform("cluster")

    done, cluster = sweep(todo, answer)
    assert len(cluster.sent) == 1
    assert done.statuses == {"max_steps": 40 - spoilt[0].runs, "failed": spoilt[0].runs}


def test_a_refusal_is_raised_when_all_the_others_have_come(work):
    todo = work((2000,), 40)
    refused = []

    def answer(sent, _):
        if not refused:
            refused.append(sent)
            return ConfigurationError("cluster: no")
        return sent.perform("cluster")

    with pytest.raises(ConfigurationError, match="cluster: no"):
        sweep(todo, answer)
    assert read_all(*place_of(todo), "runs").height == 40 - refused[0].runs


def test_a_run_recorded_by_another_program_is_not_added_later_either(work):
    todo = work()
    goal = destination(todo)
    rows, _ = todo[0].part(0, 8).perform()
    with goal.writer() as mine:
        with goal.writer() as other:
            other.add(rows)
        for part in (rows[:4], rows[4:]):
            mine.add(part)
            mine.flush()
    assert read_all(*place_of(todo), "runs").height == 8


def test_the_line_that_says_what_was_raised_is_found():
    trace = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\na.b.OddError: one\n  two\n'
    assert last_error(trace) == "a.b.OddError: one"


DEFAULTS = {**dict.fromkeys(slurm.SETTINGS), "timeout_min": 60, **LAUNCHER}


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("partition", "a\nb", "slurm: partition must be a line of text"),
        ("setup", ["rm -r results"], "slurm: setup must be lines `module ...` or `export NAME=value`"),
        ("setup", ["module load a; rm b"], "slurm: setup must be lines"),
        ("setup", ["export A=$(rm b)"], "slurm: setup must be lines"),
        ("additional_parameters", {"Wrap": 1}, "slurm: additional_parameters must be long options of sbatch"),
        ("additional_parameters", {"qos": "a\nrm b"}, r"slurm: additional_parameters.qos must be a line of text"),
        ("retries", -1, "slurm: retries must"),
        ("cpus_per_task", 0, "slurm: cpus_per_task must"),
        ("chunk_seconds", 0, "slurm: chunk_seconds must"),
        ("timeout_min", 1, "slurm: timeout_min must"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(setting, value, message):
    with pytest.raises(ConfigurationError, match=message):
        slurm.Executor({**DEFAULTS, setting: value})


@pytest.mark.parametrize(("launcher", "library"), [("slurm", "submitit"), ("ray", "ray")])
def test_without_its_extra_a_launcher_says_what_to_install(command, tmp_path, launcher, library):
    (tmp_path / "sitecustomize.py").write_text(f'import sys\nsys.modules["{library}"] = None\n')
    done = command(PROGRAM, "-m", f"hydra/launcher={launcher}", "seed=0,1", PYTHONPATH=str(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert f"pip install 'adamlab[{launcher}]'" in done.err
    assert not (tmp_path / "results").exists()


def test_a_dry_run_says_how_many_chunks(command, tmp_path):
    # A dry run checks that sbatch exists, but does not call it.
    (tmp_path / "sbatch").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "sbatch").chmod(0o755)
    settings = ("-m", "hydra/launcher=slurm", "hydra.launcher.chunk_seconds=0.01", "hydra.launcher.max_jobs=3")
    sweep = ("backend=numpy", "dim=2", "n_steps=1000", "seed=range(0,200)", "dry_run=true")
    done = command(PROGRAM, *settings, *sweep, PATH=f"{tmp_path}:/usr/bin:/bin")
    assert (done.code, done.err) == (0, "")
    assert "in 12 chunks of up to" in done.out
    assert not (tmp_path / "results").exists()


def test_what_a_kernel_takes_to_compile_is_no_cost_of_its_runs(work, monkeypatch):
    (todo,) = work((20,), 50)
    timed, seconds = calibration._timed, iter([7.0, 0.002])
    monkeypatch.setattr(calibration, "_timed", lambda *which: (next(seconds), timed(*which)[1]))
    monkeypatch.setattr(Piece, "is_compiled", True)
    monkeypatch.setattr(Piece, "first_together", 10)
    seen = Calibration([todo], 1.0)
    assert sum(done.runs for done in seen.perform()) == 20
    assert seen.seconds_of_a_run(todo) == pytest.approx(0.0002)
    assert seen.left[0].places.tolist() == list(range(20, 50))


def test_runs_that_are_expected_to_take_long_are_not_tried_first(work):
    (todo,) = work((10**9,), 50)
    seen = Calibration([todo], 1.0)
    assert list(seen.perform()) == []
    assert seen.left[0].size == 50
