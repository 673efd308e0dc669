"""The report on a study that no other report reads, drawn from records made here."""

import math

import polars as pl
import pytest

from adamlab.records.provenance import provenance
from adamlab.records.reading import Study
from adamlab.records.writing import RunWriter
from reports import any_sweep, build


@pytest.fixture
def results(tmp_path):
    """Write a grid over two numbers for adam, where one run diverged, and three runs of sgd, one of which failed."""
    places = [(i, j) for i in range(10) for j in range(8)]
    adam = pl.DataFrame({"optimizer.lr": [10.0**-i for i, _ in places], "optimizer.beta1": [j / 10 for _, j in places]})
    adam = adam.with_columns(
        optimizer=pl.lit("adam"),
        loss=pl.Series([1.0 + abs(i - 3) + abs(j - 2) for i, j in places]),
        status=pl.lit("max_steps"),
    )
    last = pl.int_range(pl.len()) == adam.height - 1
    adam = adam.with_columns(
        loss=pl.when(last).then(math.inf).otherwise("loss"),
        status=pl.when(last).then(pl.lit("diverged")).otherwise("status"),
    )
    sgd = pl.DataFrame({"optimizer.lr": [0.1, 1.0, 10.0], "loss": [5.0, 0.5, None], "optimizer": ["sgd"] * 3})
    sgd = sgd.with_columns(status=pl.Series(["converged", "converged", "failed"]))
    rows = pl.concat([adam, sgd], how="diagonal").with_row_index("run_id").cast({"run_id": pl.String})
    rows = rows.with_columns(
        algorithms=pl.lit("a"),
        objective=pl.lit("sphere"),
        dim=2,
        seed=0,
        noise=pl.lit("none"),
        schedule=pl.lit("constant"),
    )
    with RunWriter(tmp_path / "results", "mine", provenance()) as writer:
        writer.add(rows)
    return tmp_path / "results"


def test_each_method_has_its_best_run_and_how_all_ended(results):
    rows = any_sweep.table(Study(results, "mine")).rows(named=True)
    assert [row["optimizer"] for row in rows] == ["sgd", "adam"]
    sgd, adam = rows
    assert (sgd["runs"], sgd["converged"], sgd["failed"], sgd["least loss"], sgd["best optimizer.lr"]) == (
        3,
        2,
        1,
        0.5,
        1,
    )
    assert (adam["runs"], adam["diverged"], adam["least loss"]) == (80, 1, 1.0)
    assert (adam["best optimizer.lr"], adam["best optimizer.beta1"]) == (1e-3, 0.2)
    said = any_sweep.answer(Study(results, "mine"))
    assert said.startswith("The least loss of 83 runs is 0.5: sgd on sphere, dim 2 at optimizer.lr 1")


def test_the_page_has_it_and_a_rebuild_gives_the_same_bytes(results, tmp_path, capsys):
    drawn = []
    for out in ("one", "two"):
        assert build.main(["study=mine", f"results={results}", f"out={tmp_path / out}"]) == 0
        drawn.append([(tmp_path / out / f"sweep_mine.{kind}").read_bytes() for kind in ("csv", "svg", "png")])
    assert drawn[0] == drawn[1]
    assert "What came of the runs of mine?" in (tmp_path / "one" / "index.html").read_text()
    assert "sweep_mine" not in capsys.readouterr().err


def test_a_study_without_records_is_refused_with_those_that_have_some(results, capsys):
    assert build.main(["study=yours", f"results={results}"]) == 2
    assert "mine" in capsys.readouterr().err
