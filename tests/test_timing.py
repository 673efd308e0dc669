"""The timing protocol and the floor; that they are right, not how fast anything is."""

import numpy as np
import pytest

from adamlab.floor import Work, floor_cases, floor_ns_per_step, footprint, work
from adamlab.objectives.quadratic import Quadratic
from adamlab.objectives.rosenbrock import Rosenbrock
from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.adam_reordered import AdamReordered
from adamlab.optimizers.adamax import AdaMax
from adamlab.optimizers.sgd import SGD
from adamlab.random_streams import stream
from adamlab.timing import MIN_ROUNDS, interleaved, median_interval

NUMBERS = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
PROTOCOL = {"rounds": 9, "min_sample_seconds": 1e-3, "seed": 0, "progress": print}


def clock(seconds_each, log, name):
    """A case that claims to take a given time."""

    def case(repetitions):
        log.append((name, repetitions))
        return repetitions * seconds_each

    return case


def test_every_round_takes_every_case_once_with_samples_long_enough():
    log = []
    cases = {"slow": clock(1.0, log, "slow"), "fast": clock(1e-6, log, "fast")}
    samples = interleaved(cases, budget_seconds=1e9, **PROTOCOL)
    assert {name: taken.tolist() for name, taken in samples.items()} == {
        "slow": [1.0] * 9,
        "fast": pytest.approx([1e-6] * 9),
    }
    rounds = [name for name, _ in log[-18:]]
    assert all({rounds[2 * i], rounds[2 * i + 1]} == {"slow", "fast"} for i in range(9))
    assert log[-1][1] * 1e-6 >= 1e-3 or log[-2][1] * 1e-6 >= 1e-3


def test_a_case_over_budget_leaves_after_the_least_number_of_rounds():
    log = []
    samples = interleaved({"slow": clock(1.0, log, "slow")}, budget_seconds=2.0, **PROTOCOL)
    assert samples["slow"].size == MIN_ROUNDS


def test_the_interval_holds_the_median_and_is_the_same_each_time():
    samples = np.random.default_rng(3).lognormal(size=40)
    interval = median_interval(samples, "case")
    assert interval.lo <= interval.median == np.median(samples) <= interval.hi
    assert interval == median_interval(samples, "case")
    assert median_interval(np.ones(5), "case").lo == 1.0


def test_the_interval_covers_the_true_median_about_as_often_as_it_says():
    rng = np.random.default_rng(11)
    intervals = [median_interval(rng.exponential(size=25), str(k)) for k in range(200)]
    covered = np.mean([i.lo <= np.log(2) <= i.hi for i in intervals])
    assert 0.88 <= covered <= 0.99


def test_a_stream_belongs_to_its_seed_and_name():
    draws = {stream(seed, name).random() for seed in (0, 1) for name in ("a", "b")}
    assert len(draws) == 4
    assert stream(0, "a").random() in draws


@pytest.mark.parametrize(
    ("optimizer", "objective", "expected"),
    [
        (Adam(**NUMBERS), Sphere(dim=8, x0=1.0), Work(divisions=3, roots=1, read_only=0, moves=6)),
        (AdamReordered(**NUMBERS), Sphere(dim=8, x0=1.0), Work(divisions=1, roots=1, read_only=0, moves=6)),
        (
            AdaMax(lr=0.1, beta1=0.9, beta2=0.9),
            Quadratic(dim=8, x0=1.0, condition=4.0),
            Work(divisions=1, roots=0, read_only=1, moves=7),
        ),
        (
            SGD(lr=0.1),
            Rosenbrock(dim=8, x0=1.0, a=1.0, b=100.0),
            Work(divisions=0, roots=0, read_only=1, moves=3),
        ),
    ],
)
def test_the_work_of_a_step_is_counted_by_running_the_rule(optimizer, objective, expected):
    assert work(optimizer, objective) == expected


def test_the_floor_is_the_larger_of_arithmetic_and_movement():
    step = Work(divisions=2, roots=1, read_only=0, moves=6)
    size = footprint(step, 1000, "float64")
    assert size == 24_000
    cases = floor_cases("float64", [size])
    assert all(case(1) > 0 for case in cases.values())
    slow = dict.fromkeys(cases, 1e-9)
    arithmetic = floor_ns_per_step(step, 1000, "float64", {**slow, "floor: division float64": 1.0})
    assert arithmetic == pytest.approx(1e9 * 1000 * 2 / (1024 * 64), rel=1e-6)
    movement = floor_ns_per_step(step, 1000, "float64", {**slow, f"floor: move float64 of {size}": 1.0})
    assert movement == pytest.approx(1e9 * 1000 * 6 / (3 * 1500 * (1024 * 64 // 1500)), rel=1e-6)
