"""The gate between two commits, on made-up result files in asv's format; no test measures a time."""

import itertools
import json
import math

import numpy as np
import polars as pl
import pytest

from adamlab.records.asv_results import read_results
from adamlab.records.reading import Study
from adamlab.rules.symbols import ConfigurationError
from benchmarks import bench, gate

ROUNDS, REPEAT = 6, 10
COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b", "stats_q_25"]
COLUMNS += ["stats_q_75", "stats_number", "stats_repeat", "samples", "profile"]
BASE, HEAD = "a" * 40, "b" * 40
STEPS, MEMORY = "steps.Numba.time_steps", "many.Memory.peakmem_minimize_many"
COUNT, LENGTH = "instructions.Instructions.track_per_parameter", "convergence.Convergence.track_steps"
UNITS = {MEMORY: "bytes", COUNT: "instructions per parameter", LENGTH: "steps"}


@pytest.fixture
def results(tmp_path):
    """Return a function that writes a commit's results; a point has a list of samples (of all rounds) or a value."""
    folder = tmp_path / "performance" / "benchmarks"
    (folder / "quick").mkdir(parents=True)
    (folder / "quick" / "machine.json").write_text("{}")
    described = {"version": 2}

    def put(commit, benchmarks, date=0, version="1"):
        rows = {}
        for name, points in benchmarks.items():
            given = list(points.values())
            samples = [value if isinstance(value, list) else None for value in given]
            values = [float(np.median(value)) if isinstance(value, list) else value for value in given]
            quartiles = [[float(np.quantile(s, q)) if s else None for s in samples] for q in (0.25, 0.75)]
            # One parameter is enough to distinguish the points.
            parameters = [[repr(point) for point in points]] if list(points) != [""] else []
            rows[name] = [values, parameters, version, 1e12, 1.0, None, None, *quartiles, None, None, samples]
            unit = UNITS.get(name, "seconds")
            described[name] = {"name": name, "version": "1", "unit": unit, "rounds": ROUNDS}
        content = {
            "commit_hash": commit,
            "env_name": "virtualenv",
            "date": date,
            "params": {"machine": "quick", "cpu": "a processor", "num_cpu": "2", "os": "Linux", "arch": "x86_64"},
            "python": "3.11",
            "result_columns": COLUMNS,
            "results": rows,
        }
        (folder / "quick" / f"{commit[:8]}-virtualenv.json").write_text(json.dumps(content))
        (folder / "benchmarks.json").write_text(json.dumps(described))

    put.folder = folder
    return put


def noisy(seed, times=1.0):
    """Return samples of about 1 ms, two rounds of which are slowed down as by other work on the machine."""
    random = np.random.default_rng(seed)
    rounds = 1 + 0.3 * (random.permutation(ROUNDS)[:, None] < 2) + 0.02 * random.random((ROUNDS, REPEAT))
    return (1e-3 * times * rounds).ravel().tolist()


def verdicts(results, factor=gate.FACTOR):
    table = gate.compare(read_results(results.folder), BASE[:8], HEAD[:8], factor)
    return {(row["benchmark"], row["point"]): row["verdict"] for row in table.iter_rows(named=True)}, gate.exit_code(
        table
    )


def test_a_tenth_slower_is_found_and_the_same_and_a_faster_one_are_not(results):
    results(BASE, {STEPS: {"a": noisy(0), "b": noisy(1), "c": noisy(2)}})
    results(HEAD, {STEPS: {"a": noisy(3, 1.1), "b": noisy(4), "c": noisy(5, 0.8)}})
    found, code = verdicts(results)
    assert found == {(STEPS, "a"): "slower", (STEPS, "b"): "same", (STEPS, "c"): "faster"}
    assert code == 1


def test_equal_commits_pass(results):
    results(BASE, {STEPS: {f"{k}": noisy(k) for k in range(20)}})
    results(HEAD, {STEPS: {f"{k}": noisy(100 + k) for k in range(20)}})
    found, code = verdicts(results)
    assert (set(found.values()), code) == ({"same"}, 0)


def test_a_difference_in_one_round_only_is_none(results):
    slow = np.reshape(noisy(1), (ROUNDS, REPEAT))
    slow[0] *= 0.5
    results(BASE, {STEPS: {"a": slow.ravel().tolist()}})
    results(HEAD, {STEPS: {"a": noisy(2)}})
    assert verdicts(results)[1] == 0


def test_a_value_that_is_no_time_is_judged_by_its_own_limit(results):
    results(BASE, {MEMORY: {"": 100e6}, COUNT: {"a": 8.0, "b": 8.0}, LENGTH: {"a": 3728.0, "b": 3728.0}})
    results(HEAD, {MEMORY: {"": 104e6}, COUNT: {"a": 8.04, "b": 8.1}, LENGTH: {"a": 3728.0, "b": 3727.0}})
    found, code = verdicts(results)
    assert found == {
        (MEMORY, ""): "same",
        (COUNT, "a"): "same",
        (COUNT, "b"): "more",
        (LENGTH, "a"): "same",
        (LENGTH, "b"): "changed",
    }
    assert code == 1


def test_a_failed_benchmark_is_no_verdict_even_beside_a_regression(results):
    results(BASE, {STEPS: {"a": noisy(0), "b": noisy(1)}})
    results(HEAD, {STEPS: {"a": noisy(2, 2.0), "b": None}})
    found, code = verdicts(results)
    assert found == {(STEPS, "a"): "slower", (STEPS, "b"): "failed"}
    assert code == 2


@pytest.mark.parametrize("lost", [math.nan, "point", "benchmark", "commit", "samples", "round", "version"])
def test_what_one_side_lacks_is_not_compared_and_nothing_compared_is_no_verdict(results, lost):
    results(BASE, {STEPS: {"a": noisy(0)}})
    if lost == "point":
        results(HEAD, {STEPS: {"b": noisy(1)}})
    elif lost == "benchmark":
        results(HEAD, {"steps.NumPy.time_steps": {"a": noisy(1)}})
    elif lost == "samples":
        results(HEAD, {STEPS: {"a": 1e-3}})
    elif lost == "round":
        results(HEAD, {STEPS: {"a": noisy(1)[: -REPEAT // 2]}})
    elif lost == "version":
        results(HEAD, {STEPS: {"a": noisy(1)}}, version="0")
    elif lost != "commit":
        results(HEAD, {STEPS: {"a": lost}})
    found, code = verdicts(results)
    assert set(found.values()) == {"not compared"}
    assert code == 2


def test_the_rest_is_compared_where_one_point_is_missing(results):
    results(BASE, {STEPS: {"a": noisy(0), "b": noisy(1)}})
    results(HEAD, {STEPS: {"a": noisy(2), "b": math.nan}})
    found, code = verdicts(results)
    assert found == {(STEPS, "a"): "same", (STEPS, "b"): "not compared"}
    assert code == 0


def test_nothing_is_judged_by_what_is_only_shown(results):
    name = "beyond_cache.Numba.time_steps"
    results(BASE, {name: {"a": noisy(0)}, STEPS: {"a": noisy(1)}})
    results(HEAD, {name: {"a": noisy(2, 3.0)}, STEPS: {"a": noisy(3)}})
    found, code = verdicts(results)
    assert found[name, "a"] == "shown only"
    assert code == 0


def test_the_interval_is_wider_where_rounds_differ_than_where_samples_do():
    random = np.random.default_rng(0)
    quiet = 1 + 0.1 * random.random((ROUNDS, REPEAT))
    rounds = np.linspace(1.0, 1.1, ROUNDS)[:, None] * np.ones((ROUNDS, REPEAT))
    within, between = (gate.ratio_of_rounds(np.ones_like(side), side) for side in (quiet, rounds))
    assert between.hi - between.lo > 2 * (within.hi - within.lo)
    assert within.lo <= within.ratio <= within.hi


def test_the_program_prints_ratio_interval_and_verdict_and_ends_with_the_code(results, capsys):
    results(BASE, {STEPS: {"adam, dim=1 steps=2": noisy(0)}})
    results(HEAD, {STEPS: {"adam, dim=1 steps=2": noisy(3, 2.0)}})
    assert gate.main([BASE[:8], HEAD[:8], f"results={results.folder}"]) == 1
    printed = capsys.readouterr().out
    assert "steps.Numba.time_steps(adam, dim=1 steps=2)" in printed
    assert " to " in printed.splitlines()[1]
    assert printed.splitlines()[1].endswith("slower")
    assert printed.endswith("REGRESSION (1 slower)\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["main"], "gate: takes two commits, base and head; it is given main"),
        (["a", "b", "factor=0.5"], "gate: factor must lie in [1, inf); it is 0.5"),
        (["a", "b", "colour=red"], "gate: takes factor=..., results=..., machine=...; it is 'colour'"),
    ],
)
def test_a_mistake_is_refused_in_one_sentence(arguments, sentence, capsys):
    assert gate.main(arguments) == 2
    assert capsys.readouterr().err == sentence + "\n"


def test_a_file_that_is_not_asvs_is_named(results):
    results(BASE, {STEPS: {"a": noisy(0)}})
    (results.folder / "quick" / "other.json").write_text("[]")
    with pytest.raises(
        ConfigurationError, match=r"benchmarks: .*other\.json is not a result file of asv; move it to another folder"
    ):
        read_results(results.folder)


def test_what_looks_worse_is_measured_again_and_judged_by_that(results, monkeypatch, capsys):
    rounds = itertools.count()

    def measure(base, head, only=None):
        later = next(rounds)
        assert (only is not None) == (later > 0)
        results(base, {STEPS: {"a": noisy(0), "b": noisy(1), "c": noisy(2)}})
        slower = {"a": 1.1, "b": 1.1, "c": 1.0} if only is None else {"a": 1.1, "b": 1.0, "c": 9.0}
        results(head, {STEPS: {name: noisy(5 + later, times) for name, times in slower.items()}})

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "_rows", lambda: read_results(results.folder))
    table = bench.judged(BASE, HEAD, gate.FACTOR)
    assert dict(table.select("point", "verdict").iter_rows()) == {"a": "slower", "b": "same", "c": "same"}
    assert "measuring again what looks worse (2 points)" in capsys.readouterr().out
    assert next(rounds) == 2


def test_asv_is_asked_for_one_point_alone():
    import re

    wanted = bench.expression("steps.Numba.time_steps", "adam, dim=1 steps=20000")
    assert re.search(wanted, "steps.Numba.time_steps('adam', 'dim=1 steps=20000')")
    assert not re.search(wanted, "steps.Numba.time_steps('adam', 'dim=1 steps=2000')")
    assert re.search(bench.expression("programs.Page.time_build", ""), "programs.Page.time_build")


def test_the_base_is_the_commit_before_where_it_would_be_this_one(monkeypatch):
    known = {"HEAD^{commit}": "h", "main^{commit}": "h", "main~1^{commit}": "m", "other^{commit}": "o"}
    monkeypatch.setattr(bench, "_git", lambda *words: known.get(words[-1], ""))
    assert bench.commits("main") == ("m", "h")
    assert bench.commits("other") == ("o", "h")
    with pytest.raises(ConfigurationError, match="bench: there is no commit gone here"):
        bench.commits("gone")


def test_the_report_draws_the_history_in_readable_units(results):
    from reports import performance, style

    for k in range(8):
        commit = f"{k:040x}"
        slow = 1.2 if k >= 5 else 1.0
        results(
            commit[::-1],
            {
                STEPS: {"adam, dim=128 steps=5000": noisy(k, slow)},
                "programs.Sweep.time_multirun": {"runs=2000": noisy(k)},
                MEMORY: {"": 1e8},
                COUNT: {"a": 8.0 if k else None},
            },
            date=1000 * k,
        )
    study = Study(results.folder.parents[1], "performance")
    table = performance.table(study)
    rows = {row["benchmark"]: row for row in table.iter_rows(named=True)}
    assert rows[STEPS]["quantity"] == "ns per step"
    assert rows[STEPS]["first"] == pytest.approx(1e6 / 5000, rel=0.05)
    assert rows[STEPS]["ratio"] == pytest.approx(1.2, rel=0.05)
    assert rows["programs.Sweep.time_multirun"]["quantity"] == "runs per second"
    assert rows[MEMORY]["last"] == 100.0
    assert "at 8 commits (00000000 to 70000000) on the machine quick." in performance.answer(study)
    with style.look():
        drawn = performance.figure(study)
    titles = [axes.get_title(loc="left") for axes in drawn.axes]
    assert titles == ["Time per step, numba", "Many runs and records", "Programs", "Instructions per parameter"]
    assert performance.VALGRIND in [text.get_text() for text in drawn.axes[-1].texts]
    assert study.provenance("benchmarks")[0]["machine"] == "a processor, 2 cores, Linux x86_64"
    assert isinstance(table, pl.DataFrame)
