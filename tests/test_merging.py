"""Merging the files of a study gives the same rows in fewer files, wherever it is interrupted."""

import json
from contextlib import suppress

import polars as pl
import pytest

from adamlab.records import merging as compaction
from adamlab.records.merging import merge
from adamlab.records.reading import files, provenance, read
from adamlab.records.writing import RunWriter

STUDY = "s"


def add(results, *names, status="converged", command="c", **columns):
    with RunWriter(results, STUDY, {"command": command, "time": str(len(files(results, STUDY, "runs")))}) as writer:
        writer.add(
            pl.DataFrame({"run_id": names}).with_columns(
                algorithms=pl.lit("a"), optimizer=pl.col("run_id"), status=pl.lit(status), **columns
            ),
            pl.DataFrame({"run_id": [name for name in names for _ in range(2)], "step": [0, 1] * len(names)}),
        )


@pytest.fixture
def results(tmp_path):
    add(tmp_path, "a", "b", status="failed")
    add(tmp_path, "a", "c")
    add(tmp_path, "d", command="other", more=pl.lit(1.0))
    return tmp_path


def test_what_holds_is_kept_and_what_was_superseded_goes(results):
    before = read(results, STUDY, "runs"), read(results, STUDY, "trace")
    assert merge(results, STUDY) == (3, 1)
    assert merge(results, STUDY) == (1, 1)
    after = read(results, STUDY, "runs"), read(results, STUDY, "trace")
    for was, now in zip(before, after, strict=True):
        assert was.sort(pl.all()).equals(now.sort(pl.all()))
    (file,) = files(results, STUDY, "runs")
    assert pl.read_parquet(file)["run_id"].sort().to_list() == ["a", "b", "c", "d"]
    assert [footer["command"] for footer in provenance(results, STUDY, "runs")] == ["c", "other"]


def test_runs_added_later_take_the_place_of_merged_ones(results):
    merge(results, STUDY)
    add(results, "b")
    assert dict(read(results, STUDY, "runs").select("run_id", "status").iter_rows())["b"] == "converged"


def test_large_studies_become_several_files(results, monkeypatch):
    monkeypatch.setattr(compaction, "ROWS", 3)
    assert merge(results, STUDY) == (3, 2)
    assert [pl.read_parquet(file).height for file in files(results, STUDY, "runs")] == [3, 1]
    assert read(results, STUDY, "trace").height == 8


@pytest.mark.parametrize("last", range(1, 6))
def test_a_merge_that_is_cut_off_anywhere_loses_nothing_and_is_finished_by_the_next_writer(results, monkeypatch, last):
    monkeypatch.setattr(compaction, "ROWS", 2)
    before = read(results, STUDY, "runs").sort("run_id")
    done = 0

    def write_or_die(*arguments):
        nonlocal done
        done += 1
        if done == last:
            raise KeyboardInterrupt
        return write(*arguments)

    write, leftovers = compaction.write, compaction.remove_leftovers
    monkeypatch.setattr(compaction, "write", write_or_die)
    # The merge is killed after the last new file is written and before any old one is removed.
    monkeypatch.setattr(compaction, "remove_leftovers", lambda *_: None)
    with suppress(KeyboardInterrupt):
        merge(results, STUDY)
    assert read(results, STUDY, "runs").sort("run_id").equals(before)
    assert read(results, STUDY, "trace").height == 8
    monkeypatch.setattr(compaction, "write", write)
    monkeypatch.setattr(compaction, "remove_leftovers", leftovers)
    add(results, "e")
    runs = pl.concat([pl.read_parquet(file) for file in files(results, STUDY, "runs")], how="diagonal")
    assert set(runs["run_id"]) == set("abcde")
    if last == 5:
        assert runs.height == 5
    merge(results, STUDY)
    assert read(results, STUDY, "runs").height == 5
    assert read(results, STUDY, "trace").height == 10


def test_the_command_merges_every_study_and_refuses_what_it_does_not_know(command, tmp_path):
    add(tmp_path / "results", "a")
    add(tmp_path / "results", "b")
    done = command("experiments/merge.py")
    assert (done.code, done.out) == (0, "s: merged 2 files of runs into 1\n")
    refused = command("experiments/merge.py", "study=t")
    assert (refused.code, refused.err) == (2, "merge: there are no records of runs in results/t\n")
    assert command("experiments/merge.py", "studies=t").code == 2


def test_footers_that_differ_in_time_only_are_kept_once(results):
    merge(results, STUDY)
    merged = json.loads(pl.read_parquet_metadata(files(results, STUDY, "runs")[0])["merged"])
    assert [footer["time"] for footer in merged] == ["1", "2"]
