"""The reports on cost, drawn from small measurements; no time is asserted."""

import numpy as np
import polars as pl
import pytest

from adamlab.records.reading import Study
from reports import all_cores, cost, cost_ratio, leaf_cost, many_runs, objective_cost
from reports.missing_records import MissingRecords
from reports.style import _moved_apart

QUICK = ["timing.rounds=2", "timing.min_sample_seconds=1e-4", "timing.max_run_seconds=1e-3"]


@pytest.fixture(scope="module")
def results(tmp_path_factory, programs):
    """Measure small versions of the cost studies; return the results folder."""
    folder = tmp_path_factory.mktemp("cost")
    for line in (
        ["+study=cost", "dim=2,200", "dtype=float64", "peers=[numpy_as_written]", "timing.max_step_seconds=60"],
        ["+study=leaf_cost", "optimizer=adam,sgd,lars", "dim=64"],
        ["+study=many_runs", "optimizer=adam", "dim=1,2", "coordinates=256", "n_steps=20", "timing.max_run_seconds=60"],
        ["+study=all_cores", "optimizer=adam", "dim=64", "dtype=float64", "peers=[]"],
        ["+study=objective_cost", "objective=sphere,booth"],
    ):
        programs.run(folder, "experiments/cost.py", *QUICK, *line)
    return folder / "results"


def test_the_table_holds_every_case_that_was_timed_and_the_floors(results):
    study = Study(results, "cost")
    table = cost.table(study)
    assert table.columns == ["dtype", "optimizer", "implementation", "d = 2", "d = 200"]
    assert set(table["implementation"]) == {
        "adamlab python",
        "adamlab numpy",
        "adamlab numba",
        "numpy-as-written",
        "floor: division and root",
        "floor: memory",
        "floor: one step after another",
    }
    record = study.timings.filter(pl.col("backend") == "numba", pl.col("optimizer") == "adam").sort("dim")
    ours = table.filter(pl.col("implementation") == "adamlab numba", pl.col("optimizer") == "adam")
    assert list(ours.row(0)[3:]) == record["ns_per_step"].to_list()


def rewritten(results, tmp_path, change, **footer):
    """Return a copy of the cost study, with `change` applied to its rows and more footer metadata."""
    (file,) = (results / "cost" / "timings").glob("*.parquet")
    kept = {k: v for k, v in pl.read_parquet_metadata(file).items() if k != "ARROW:schema"}
    target = tmp_path / "cost" / "timings" / file.name
    target.parent.mkdir(parents=True)
    change(pl.read_parquet(file)).write_parquet(target, metadata=kept | footer)
    return Study(tmp_path, "cost")


def test_what_took_too_long_is_named_with_the_limit(results, tmp_path):
    def leave_out(rows):
        slow = (pl.col("backend") == "python") & (pl.col("dim") == 200)
        nothing = [pl.when(~slow).then(pl.col(name)).alias(name) for name in rows.columns if "ns_per_step" in name]
        return rows.with_columns(*nothing, left_out=pl.when(slow).then(pl.lit("a step takes 61 s or more")))

    study = rewritten(results, tmp_path, leave_out)
    assert "a step takes longer than 60 s: adamlab python from 200." in cost.answer(study)
    python = cost.table(study).filter(pl.col("implementation") == "adamlab python")
    assert python["d = 2"].null_count() == 0
    assert python["d = 200"].null_count() == 2
    assert cost.figure(study).axes
    assert "longer than" not in cost.answer(Study(results, "cost"))


def test_a_ratio_is_ours_over_the_other_with_a_spread_around_it(results):
    study = Study(results, "cost")
    rows = cost_ratio.ratios(study)
    assert cost.OURS not in set(rows["implementation"])
    assert (rows["ours_lo"] <= rows["ours"]).all()
    assert (rows["ours"] <= rows["ours_hi"]).all()
    times = {
        (row["implementation"], row["backend"]): row["ns_per_step"]
        for row in study.timings.filter(pl.col("dim") == 2, pl.col("optimizer") == "adam").iter_rows(named=True)
    }
    (found,) = rows.filter(
        pl.col("dim") == 2, pl.col("optimizer") == "adam", pl.col("implementation") == "numpy-as-written"
    )["ours"]
    assert found == pytest.approx(times["adamlab", "numba"] / times["numpy-as-written", None])


def test_only_methods_that_work_by_coordinate_are_held_against_their_floor(results):
    table = leaf_cost.table(Study(results, "leaf_cost"))
    assert sorted(table["optimizer"]) == ["adam", "sgd"]
    assert dict(table.select("optimizer", "bound by").iter_rows())["sgd"] in ("addition", "memory", "latency")
    assert (table["times_floor"] == table["ns_per_step"] / table["floor_ns_per_step"]).all()


def test_a_users_functions_stand_beside_the_leaf_of_the_same_objective(results):
    study = Study(results, "objective_cost")
    rows = {row["objective"]: row for row in objective_cost.table(study).iter_rows(named=True)}
    assert {name: row["dim"] for name, row in rows.items()} == {"sphere": 128, "booth": 2}
    times = dict(
        study.timings.filter(pl.col("objective") == "sphere").select("implementation", "ns_per_step").iter_rows()
    )
    assert rows["sphere"][objective_cost.RATIO] == times[objective_cost.USERS] / times["adamlab"]
    assert rows["booth"][objective_cost.RATIO] is None
    assert f"sphere {rows['sphere'][objective_cost.RATIO]:.2f}" in objective_cost.answer(study)


def test_a_peer_that_was_asked_for_and_not_there_is_named(results, tmp_path):
    study = rewritten(results, tmp_path, lambda rows: rows, rust_seed="rustc is not on this machine")
    assert "Missing: rust_seed (rustc is not on this machine)." in cost.answer(study)
    assert "No peer was missing." in cost.answer(Study(results, "cost"))


@pytest.mark.parametrize("report", [cost, leaf_cost, objective_cost])
def test_a_question_without_its_records_says_what_is_missing(report, tmp_path):
    with pytest.raises(MissingRecords, match=r"^no .+ is recorded$"):
        report.table(Study(tmp_path, report.STUDY))


@pytest.mark.parametrize("study", ["cost", "leaf_cost", "objective_cost"])
def test_a_rebuild_gives_the_same_bytes(command, results, tmp_path, study):
    for out in ("a", "b"):
        done = command("reports/build.py", f"study={study}", f"results={results}", f"out={tmp_path / out}")
        assert (done.code, done.err) == (0, "")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert f"{study}.svg" in files
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_names_that_would_cover_each_other_are_moved_apart_in_their_order():
    wanted = np.array([0.0, 5.0, 5.1, 0.05, 9.0])
    places = _moved_apart(wanted, 1.0, -10.0)
    assert (np.argsort(places) == np.argsort(wanted)).all()
    assert (np.diff(np.sort(places)) >= 1 - 1e-12).all()
    assert places[4] == 9.0
    assert places[1] + places[2] == pytest.approx(10.1)
    assert _moved_apart(wanted, 1.0, 0.0).min() >= 0.0


def test_many_runs_are_told_by_the_update(results):
    study = Study(results, "many_runs")
    table = many_runs.table(study)
    assert table.select("threads", "dim", "runs", "steps of each").rows() == [
        (1, 1, 256, 20),
        (1, 2, 128, 20),
        (2, 1, 256, 20),
        (2, 2, 128, 20),
    ]
    first = study.timings.filter(pl.col("threads") == 1, pl.col("dim") == 2).row(0, named=True)
    assert table["ns_per_update"][1] == first["ns_per_step"] / 2
    assert table["seconds in all"][1] == pytest.approx(1e-9 * first["ns_per_step"] * 128 * 20)
    assert "256 runs of 20 steps in 1 dimension take" in many_runs.answer(study)
    assert len(many_runs.figure(study).axes) == 2


def test_threads_are_told_by_the_coordinate(results):
    study = Study(results, "all_cores")
    table = all_cores.table(study)
    assert table["threads"].to_list() == [1, 2]
    assert table["ours over it"].to_list() == [1.0, 1.0]
    assert table["ns_per_coordinate"][0] == study.timings.filter(pl.col("threads") == 1)["ns_per_step"][0] / 64
    assert "float64, 2 threads: " in all_cores.answer(study)
    assert len(all_cores.figure(study).axes) == 1
