"""The program ``reports/build.py`` needs records only and writes the same bytes each time."""

import re

import polars as pl
import pytest

PROGRAM = "reports/build.py"
NAMES = ("seed_convergence", "seed_growth", "seed_time")


@pytest.fixture(scope="module")
def study(tmp_path_factory, programs):
    """Run a small version of the seed study, with fewer backends, steps and samples; return its folder."""
    folder = tmp_path_factory.mktemp("study")
    quick = ["timing.rounds=3", "timing.min_sample_seconds=1e-4"]
    for line in (
        ["experiments/converge.py", "+study=seed", "backend=numpy,numba"],
        # Other runs in the same folder, which the reports on the seed must ignore.
        ["experiments/converge.py", "-m", "+study=seed", "optimizer=sgd,adam", "optimizer.lr=0.1", "backend=numba"],
        ["experiments/converge.py", "+study=seed", "dim=2", "backend=numba"],
        ["experiments/cost.py", "+study=seed_cost", "dim=2", "backend=numba", *quick],
        ["experiments/cost.py", "+study=seed_cost", "backend=numpy,numba", *quick],
    ):
        programs.run(folder, *line)
    return folder


def build(command, study, out, *arguments):
    return command(PROGRAM, "study=seed", f"results={study / 'results'}", f"out={out}", *arguments)


def test_the_page_answers_from_the_records(command, study, tmp_path):
    done = build(command, study, tmp_path / "out")
    assert (done.code, done.err) == (0, "")
    assert "At learning rate 0.01 the run converges after 3,728 steps (the seed: around 3700)." in done.out
    assert "Within 100 steps at 0.001, none does. All backends agree to the last bit." in done.out
    assert done.out.endswith(f"report: {tmp_path / 'out' / 'index.html'}\n")
    page = (tmp_path / "out" / "index.html").read_text()
    for name in NAMES:
        assert f'src="{name}.svg"' in page
        assert f'href="{name}.csv"' in page
    assert "git commit" in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_a_rebuild_gives_the_same_bytes(command, study, tmp_path):
    for out in ("a", "b"):
        assert build(command, study, tmp_path / out).code == 0
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted([f"{name}.{kind}" for name in NAMES for kind in ("csv", "png", "svg")] + ["index.html"])
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_table_holds_what_the_records_hold(command, study, tmp_path):
    build(command, study, tmp_path / "out")
    table = pl.read_csv(tmp_path / "out" / "seed_time.csv")
    last = max((study / "results" / "seed" / "timings").glob("*.parquet"))
    record = pl.read_parquet(last)
    assert sorted(table.filter(pl.col("samples").is_not_null())["ns_per_step"]) == sorted(record["ns_per_step"])
    quoted = table.filter(pl.col("samples").is_null())
    assert sorted(quoted["us_per_run"]) == [29.8, 39.5, 107.0]
    steps = pl.read_csv(tmp_path / "out" / "seed_convergence.csv").filter(pl.col("status") == "converged")
    assert steps["steps"].to_list() == [3728, 3728]
    assert steps["backends"].to_list() == ["numba, numpy"] * 2


def test_without_rust_the_report_says_so(command, study, tmp_path):
    for kind in ("timings", "runs", "trace"):
        for file in (study / "results" / "seed" / kind).glob("*.parquet"):
            rows, footer = pl.read_parquet(file), pl.read_parquet_metadata(file)
            if kind == "timings":
                rows = rows.filter(pl.col("implementation") == "adamlab")
            target = tmp_path / "results" / "seed" / kind / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            footer = {k: v for k, v in footer.items() if k != "ARROW:schema"} | {"rust_seed": "rustc is not here"}
            rows.write_parquet(target, metadata=footer)
    done = build(command, tmp_path, tmp_path / "out")
    assert done.code == 0
    assert "The seed's Rust forms are absent: rustc is not here." in done.out


def test_a_report_without_records_is_left_out_and_none_at_all_is_refused(command, study, tmp_path):
    nothing = build(command, tmp_path, tmp_path / "out")
    assert nothing.code == 2
    assert "first run python experiments/converge.py +study=seed and python experiments/cost.py" in nothing.err
    assert not (tmp_path / "out").exists()
    part = tmp_path / "part" / "results" / "seed"
    part.mkdir(parents=True)
    for kind in ("runs", "trace"):
        (part / kind).symlink_to(study / "results" / "seed" / kind)
    some = build(command, tmp_path / "part", tmp_path / "out")
    assert some.code == 0
    assert "seed_time: left out, because it has no records" in some.out
    assert (tmp_path / "out" / "seed_convergence.svg").exists()


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        (
            "study=sead",
            "build: study must be one of all_cores, cost, leaf_cost, many_runs, objective_cost, performance, seed, "
            "which_adam; it is 'sead'",
        ),
        ("colour=red", "build: takes study=..., results=..., out=...; it is 'colour=red'"),
        ("study=", "build: takes study=..., results=..., out=...; it is 'study='"),
    ],
)
def test_a_mistake_is_refused_in_one_sentence(command, argument, sentence):
    done = command(PROGRAM, argument)
    assert (done.code, done.err) == (2, sentence + "\n")


def test_a_study_that_lacks_what_is_asked_is_left_out_with_the_reason(command, tmp_path):
    command("experiments/converge.py", "+study=seed", "optimizer.lr=0.1", "backend=numba", "n_steps=100")
    done = command(PROGRAM, "study=seed")
    assert done.code == 2
    assert "left out, because no run at learning rate 0.01 with 10000 steps is recorded" in done.out
    assert not (tmp_path / "reports").exists()
