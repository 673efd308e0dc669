"""The timing protocol and the floor: that they are correct, not how fast anything is."""

import numpy as np
import pytest

from adamlab.measuring.floor import Work, _move_kernel, floor_cases, floors, work
from adamlab.measuring.timing import MIN_ROUNDS, Length, Runs, clock_tick, fitting_length, interleaved, median_interval
from adamlab.objectives.quadratic import Quadratic
from adamlab.objectives.rosenbrock import Rosenbrock
from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.adam_reordered import AdamReordered
from adamlab.optimizers.adamax import AdaMax
from adamlab.optimizers.padam import Padam
from adamlab.optimizers.sgd import SGD
from adamlab.problems.random_streams import stream

NUMBERS = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
PROTOCOL = {"rounds": 9, "min_sample_seconds": 1e-3, "seed": 0, "progress": print}


def clock(seconds_each, log, name):
    """Return a case that claims to take a given time."""

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


def test_a_case_that_was_seen_to_last_long_enough_is_not_run_to_find_out():
    log = []
    interleaved({"warm": clock(1.0, log, "warm")}, budget_seconds=1e9, seen={"warm": 1.0}, **PROTOCOL)
    assert log == [("warm", 1)] * 9


def test_a_tick_of_the_clock_is_more_than_nothing_and_less_than_a_sample():
    assert 0 < clock_tick() < 1e-3


class Claims:
    """An implementation that claims to take a given time for its start and for each step."""

    def __init__(self, start, step):
        self.start, self.step, self.asked = start, step, []

    def seconds(self, repetitions, steps, set_up):
        self.asked.append((repetitions, steps, set_up))
        return repetitions * (self.start + steps * self.step)


@pytest.mark.parametrize(
    ("start", "step", "expected"),
    [
        (1e-5, 1e-8, 10_000),
        (0.0, 1e-3, 100),
        (0.02, 1e-4, 800),
        (0.0, 0.5, 1),
    ],
)
def test_a_run_has_as_many_steps_as_were_asked_for_or_as_fit(start, step, expected):
    claims = Claims(start, step)
    length = fitting_length(claims, 10_000, max_seconds=0.1, too_long=1.0)
    assert expected / 1.5 <= length.steps <= min(expected * 1.5, 10_000)
    assert length.seconds == start + length.steps * step
    assert {asked[0::2] for asked in claims.asked} == {(1, False)}


def test_a_loop_compiled_for_its_length_is_not_taken_for_a_slow_one():
    compiled = set()

    class Compiles(Claims):
        def seconds(self, repetitions, steps, set_up):
            once = 0.0 if steps in compiled else 0.2
            compiled.add(steps)
            return once + super().seconds(repetitions, steps, set_up)

    assert fitting_length(Compiles(1e-5, 1e-7), 10_000, max_seconds=0.03, too_long=1.0).steps == 10_000


def test_what_takes_too_long_is_not_tried_twice():
    claims = Claims(0.0, 3.0)
    assert fitting_length(claims, 10_000, max_seconds=0.1, too_long=1.0) == Length(1, 3.0)
    assert claims.asked == [(1, 1, False)]


@pytest.mark.parametrize(("set_up", "on_the_clock"), [(True, 4.0 + 10), (False, 10.0)])
def test_the_set_up_and_the_first_step_are_on_the_clock_or_not(monkeypatch, set_up, on_the_clock):
    now, taken = [0.0], []
    monkeypatch.setattr("adamlab.measuring.timing.time.perf_counter", lambda: now[0])

    def begin():
        now[0] += 4.0

        def advance(steps):
            taken.append(steps)
            now[0] += steps

        return advance

    assert Runs(begin).seconds(3, 10, set_up) == 3 * on_the_clock
    assert taken == ([10] * 3 if set_up else [1] * 3 + [10] * 3)


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
        # theta -> g -> g g -> (1 - beta2) g g -> v -> v_hat -> root -> + eps -> quotient -> theta
        (
            Adam(**NUMBERS),
            Sphere(dim=8, x0=1.0),
            Work(3, 1, 3, 0, additions=7, chain_sums=6, chain_divisions=2, chain_roots=1),
        ),
        (
            AdamReordered(**NUMBERS),
            Sphere(dim=8, x0=1.0),
            Work(1, 1, 3, 0, additions=7, chain_sums=6, chain_divisions=1, chain_roots=1, own_divisions=1, own_roots=1),
        ),
        (
            AdaMax(lr=0.1, beta1=0.9, beta2=0.9),
            Quadratic(dim=8, x0=1.0, condition=4.0),
            Work(1, 0, 3, 1, additions=4, chain_sums=5, chain_divisions=1, own_divisions=1),
        ),
        (SGD(lr=0.1), Rosenbrock(dim=8, x0=1.0, a=1.0, b=100.0), Work(0, 0, 1, 1, additions=3, chain_sums=2)),
    ],
)
def test_the_work_of_a_step_is_counted_by_running_the_rule(optimizer, objective, expected):
    assert work(optimizer, objective) == expected


def test_what_is_chosen_or_compared_waits_for_all_it_is_chosen_from():
    theta_after_a_root = Padam(**NUMBERS, p=0.125)
    assert work(theta_after_a_root, Sphere(dim=8, x0=1.0)).chain_roots == 15


def test_the_floor_is_the_largest_of_arithmetic_movement_and_latency():
    step = Work(2, 1, 3, 0, additions=8, chain_sums=5, chain_divisions=1, chain_roots=1)
    cases = floor_cases(step, 1000, "float64")
    assert all(case(1) > 0 for case in cases.values())
    nothing = dict.fromkeys(cases, 0.0)
    each = 1e9 / (1024 * 64)

    def with_seconds(name):
        (found,) = (case for case in cases if name in case)
        return floors(step, 1000, "float64", {**nothing, found: 1.0})

    assert with_seconds(": division float64").largest == pytest.approx(1000 * 2 * each)
    assert with_seconds(": root float64").largest == pytest.approx(1000 * each)
    assert with_seconds(": addition float64").largest == pytest.approx(1000 * 8 / 16 * each)
    assert with_seconds("3 arrays").largest == pytest.approx(1e9 / (1024 * 64 // 1000))
    assert with_seconds("division after").largest == pytest.approx(each)
    assert with_seconds("root after").largest == pytest.approx(each)
    assert with_seconds("sum after sum").largest == pytest.approx(5 * each)


@pytest.mark.parametrize(("written", "read"), [(1, 0), (1, 1), (3, 0), (3, 2), (5, 0)])
def test_the_loop_for_bandwidth_reads_every_array_and_writes_those_it_says(written, read):
    arrays = tuple(np.full(100, 2.0**k) for k in range(written + read))
    _move_kernel(written, written + read)(arrays, 1.0, 1)
    before = [2.0**k for k in range(written + read)]
    after = [array[0] for array in arrays]
    assert after[written:] == before[written:]
    added = [new - old for new, old in zip(after[:written], before[:written], strict=True)]
    assert set(before[written:]) <= set(added)
    assert len(set(added)) == written
    assert all((array == array[0]).all() for array in arrays)
