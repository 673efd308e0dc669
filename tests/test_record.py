"""Records: no file is torn, no row is lost, and each file states its provenance."""

import hashlib
import json
import math

import polars as pl
import pytest

from adamlab.records import writing
from adamlab.records.identity import run_id, run_ids
from adamlab.records.provenance import provenance
from adamlab.records.reading import Study, files, finished_runs, read
from adamlab.records.schema import RUNS, frame
from adamlab.records.writing import RunWriter, write


def row(lr=0.1, status="converged", algorithms="a", **more):
    keys = {"optimizer": "adam", "optimizer.lr": lr, "objective.x0": (1.0, 2.0), "dim": 2, **more}
    outcome = {"status": status, "steps": 3, "loss": 0.5, "grad_norm": 1.0, "seconds": 0.1}
    return {"run_id": run_id(keys, algorithms), "algorithms": algorithms, **keys, **outcome}


def trace(*steps):
    columns = {"step": list(steps), "loss": [0.0] * len(steps), "grad_norm": [0.0] * len(steps)}
    return pl.DataFrame(columns).with_columns(step_norm=pl.lit(None, pl.Float64))


def save(folder, *rows):
    with RunWriter(folder, "study", provenance()) as writer:
        for each in rows:
            writer.add(frame([each], RUNS), trace(0, 1).select(pl.lit(each["run_id"]).alias("run_id"), pl.all()))


def test_what_is_written_is_read_with_nothing_but_polars(tmp_path):
    save(tmp_path, row(0.1), row(0.2))
    (file,) = (tmp_path / "study" / "runs").glob("*.parquet")
    runs = pl.read_parquet(file)
    assert runs["optimizer.lr"].to_list() == [0.1, 0.2]
    assert runs["objective.x0"].to_list() == [[1.0, 2.0]] * 2
    assert runs["error"].to_list() == [None, None]
    assert pl.read_parquet(next((tmp_path / "study" / "trace").glob("*.parquet"))).height == 4


def test_a_files_footer_says_where_it_came_from(tmp_path):
    save(tmp_path, row())
    (footer,) = Study(tmp_path, "study").provenance("runs")
    assert footer.keys() >= {"time", "command", "git_commit", "git_clean", "machine", "python", "packages"}
    assert json.loads(footer["packages"])["polars"] == pl.__version__


def test_files_with_different_columns_are_read_together(tmp_path):
    save(tmp_path, row(0.1))
    save(tmp_path, row(0.2, **{"objective.condition": 9.0}))
    assert read(tmp_path, "study", "runs")["objective.condition"].to_list() == [None, 9.0]


def test_the_latest_row_of_a_configuration_counts(tmp_path):
    save(tmp_path, row(0.1, "failed"), row(0.2, algorithms="old"))
    save(tmp_path, row(0.1, "converged"), row(0.2, "diverged", algorithms="new"))
    study = Study(tmp_path, "study")
    assert study.runs.select("optimizer.lr", "status").rows() == [(0.1, "converged"), (0.2, "diverged")]
    assert study.trace.height == 4


def test_failed_runs_are_not_finished(tmp_path):
    save(tmp_path, row(0.1, "failed"), row(0.2), row(0.3, "diverged"))
    finished = finished_runs(files(tmp_path, "study", "runs")).collect()
    assert set(finished["run_id"]) == {row(0.2)["run_id"], row(0.3)["run_id"]}
    assert finished_runs([]).collect().is_empty()


def test_the_identity_of_a_run_is_its_configuration_and_code():
    keys = {"optimizer": "adam", "optimizer.lr": 0.1, "objective.x0": (1.0,)}
    assert run_id(keys, "a") == run_id(dict(reversed(keys.items())), "a")
    assert len({run_id(keys, "a"), run_id(keys, "b"), run_id(keys | {"optimizer.lr": 0.2}, "a")}) == 3


def test_many_identities_at_once_are_those_of_each_run():
    fixed = {"optimizer": "adam", "objective.x0": (1.0, 2.0), "tol": 0.0, "loss_target": -math.inf, "a": "é"}
    varied = {"optimizer.lr": [0.1, 1e-300, 3.0, math.inf], "seed": [0, 1, 2**62, 3]}
    alone = [
        run_id(fixed | dict(zip(varied, values, strict=True)), "v") for values in zip(*varied.values(), strict=True)
    ]
    assert run_ids(fixed, varied, "v") == alone
    text = json.dumps([fixed, "v"], sort_keys=True, ensure_ascii=False)
    assert run_id(fixed, "v") == hashlib.sha256(text.encode()).hexdigest()[:20]


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(writing.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path / "runs", frame([row()], RUNS), {})
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_was_collected_is_written_whatever_ends_it(tmp_path):
    def interrupted():
        with RunWriter(tmp_path, "study", {}) as writer:
            writer.add(frame([row()], RUNS))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert read(tmp_path, "study", "runs").height == 1


def test_a_temporary_file_is_not_read(tmp_path):
    save(tmp_path, row())
    (tmp_path / "study" / "runs" / ".x.parquet.tmp").write_bytes(b"half a file")
    assert read(tmp_path, "study", "runs").height == 1
