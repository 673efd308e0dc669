"""Timing that can be trusted: interleaved samples, a median, and a bootstrap interval.

The protocol. Every case is warmed up once, untimed. Its number of repetitions is then chosen so that one sample
lasts at least ``min_sample_seconds``, and never less than a thousand ticks of the clock. Samples are taken in rounds:
each round takes one sample of every case, in an order shuffled anew, so that a drift of the machine meets all alike.
A case that has used up ``budget_seconds`` after `MIN_ROUNDS` rounds leaves the rotation. The garbage collector is off
while a sample is taken. What is reported is the median, with the 95% percentile-bootstrap interval of the median.
"""

import gc
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamlab.random_streams import stream

MIN_ROUNDS = 7
Case = Callable[[int], float]


@dataclass(frozen=True)
class Interval:
    """The median of ``samples`` samples and its 95% bootstrap interval, in the samples' unit."""

    median: float
    lo: float
    hi: float
    samples: int


def timed(function: Callable[[], Any]) -> Case:
    """A case that calls ``function`` and takes the time from here."""

    def case(repetitions: int) -> float:
        begun = time.perf_counter()
        for _ in range(repetitions):
            function()
        return time.perf_counter() - begun

    return case


def interleaved(
    cases: Mapping[str, Case],
    *,
    rounds: int,
    min_sample_seconds: float,
    budget_seconds: float,
    seed: int,
    progress: Callable[[str], None],
) -> dict[str, NDArray[np.float64]]:
    """Samples of every case, in seconds per repetition, taken as the module describes.

    A case is a function that does its work a given number of times and returns the seconds that took.
    """
    least = max(min_sample_seconds, 1000 * time.get_clock_info("perf_counter").resolution)
    repetitions = {name: _repetitions(case, least) for name, case in cases.items()}
    samples: dict[str, list[float]] = {name: [] for name in cases}
    spent = dict.fromkeys(cases, 0.0)
    order = stream(seed, "order of cases")
    for done in range(rounds):
        taking = [name for name in cases if done < MIN_ROUNDS or spent[name] < budget_seconds]
        progress(f"round {done + 1} of {rounds}: {len(taking)} of {len(cases)} cases")
        for index in order.permutation(len(taking)):
            name = taking[index]
            with _no_garbage_collection():
                seconds = cases[name](repetitions[name])
            spent[name] += seconds
            samples[name].append(seconds / repetitions[name])
    return {name: np.array(taken) for name, taken in samples.items()}


def median_interval(samples: NDArray[np.float64], name: str, seed: int = 0) -> Interval:
    """The median of ``samples`` and its 95% percentile-bootstrap interval; ``name`` and ``seed`` fix the resampling."""
    from scipy.stats import bootstrap

    median = float(np.median(samples))
    if samples.size < 2 or np.ptp(samples) == 0:
        return Interval(median, median, median, samples.size)
    drawn = bootstrap(
        (samples,), np.median, n_resamples=2000, method="percentile", rng=stream(seed, f"bootstrap {name}")
    )
    return Interval(median, float(drawn.confidence_interval.low), float(drawn.confidence_interval.high), samples.size)


def _repetitions(case: Case, least_seconds: float) -> int:
    case(1)
    repetitions = 1
    while (seconds := case(repetitions)) < least_seconds:
        growth = 1.2 * least_seconds / seconds if seconds > 0 else 10.0
        repetitions = max(repetitions + 1, int(repetitions * min(growth, 10.0)))
    return repetitions


@contextmanager
def _no_garbage_collection() -> Any:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
