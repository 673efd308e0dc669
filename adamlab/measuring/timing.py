"""Timing that can be trusted: interleaved samples, a median, and a bootstrap interval.

The protocol. What is timed is a run: it is begun, and takes a number of steps, at each of which the gradient is
evaluated by the implementation itself. Set-up is on the clock, or it is not: then the first step belongs to it, in
which libraries allocate their state and compile, and the steps after it are timed. A run has as many steps as were
asked for, or as many as take about ``max_run_seconds``; an implementation of which one step takes longer than
``max_step_seconds`` is left out.

Every case is warmed up before it counts. Its number of repetitions is chosen so that one sample lasts at least
``min_sample_seconds``, and never less than a thousand ticks of the clock as they are seen on this machine. Samples are
taken in rounds: each round takes one sample of every case, in an order shuffled anew, so that a drift of the machine
meets all alike. A case that has used up ``budget_seconds`` after `MIN_ROUNDS` rounds leaves the rotation. The garbage
collector is off while a sample is taken. Everybody has one thread, unless a case asks for more (the programs see to
that, because thread pools read their size when they are imported). What is reported is the median, with the 95%
percentile-bootstrap interval of the median.
"""

import gc
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from adamlab.problems.random_streams import stream

MIN_ROUNDS = 7
TICKS = 1000
Case = Callable[[int], float]
# Takes so many more steps of a run, unless it stops before, and returns its iterate.
Advance = Callable[[int], Any]


@dataclass(frozen=True)
class Interval:
    """The median of ``samples`` samples and its 95% bootstrap interval, in the samples' unit."""

    median: float
    lo: float
    hi: float
    samples: int


class Implementation(Protocol):
    """A way to do a run of some configuration."""

    def seconds(self, repetitions: int, steps: int, set_up: bool) -> float:
        """Do so many runs of so many steps; how long that took, with or without the set-up (see the module)."""


@dataclass(frozen=True)
class Runs:
    """An implementation in this process: ``begin()`` sets a run up and returns the function that takes its steps."""

    begin: Callable[[], Advance]

    def seconds(self, repetitions: int, steps: int, set_up: bool) -> float:
        """See `Implementation`."""
        if set_up:
            return timed(lambda: self.begin()(steps))(repetitions)
        ready = [self.begin() for _ in range(repetitions)]
        for advance in ready:
            advance(1)
        begun = time.perf_counter()
        for advance in ready:
            advance(steps)
        return time.perf_counter() - begun


def timed(function: Callable[[], Any]) -> Case:
    """A case that calls ``function`` and takes the time from here."""

    def case(repetitions: int) -> float:
        begun = time.perf_counter()
        for _ in range(repetitions):
            function()
        return time.perf_counter() - begun

    return case


@dataclass(frozen=True)
class Length:
    """How long a run is: ``steps``, and about how many seconds they take."""

    steps: int
    seconds: float


def fitting_length(implementation: Implementation, most: int, max_seconds: float, too_long: float) -> Length:
    """A run of ``most`` steps, or of as many as take about ``max_seconds``; of one if that is ``too_long``. Warms up.

    The guess from a few steps to many grows by the hundredfold at most, because a run of few is mostly its own start.
    """
    steps = 1
    while True:
        # Each length has its warm-up: a loop may be compiled for its number of steps.
        seconds = implementation.seconds(1, steps, False)
        if steps == 1 and seconds > too_long:
            return Length(steps, seconds)
        seconds = implementation.seconds(1, steps, False)
        growth = min(100.0, max_seconds / seconds) if seconds > 0 else 100.0
        if steps == most or growth < 1.5:
            return Length(steps, seconds)
        steps = min(most, max(steps + 1, int(steps * growth)))


def interleaved(
    cases: Mapping[str, Case],
    *,
    rounds: int,
    min_sample_seconds: float,
    budget_seconds: float,
    seed: int,
    progress: Callable[[str], None],
    seen: Mapping[str, float] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Samples of every case, in seconds per repetition, taken as the module describes.

    A case is a function that does its work a given number of times and returns the seconds that took. ``seen`` are
    the seconds that a repetition was seen to take, of cases that are warm.
    """
    least = max(min_sample_seconds, TICKS * clock_tick())
    enough = {name for name, seconds in (seen or {}).items() if seconds >= least}
    repetitions = {name: 1 if name in enough else _repetitions(case, least) for name, case in cases.items()}
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


def clock_tick() -> float:
    """The clock's resolution in seconds, as it is seen: the least time between two readings that differ."""

    def seen() -> float:
        begun = now = time.perf_counter()
        while now == begun:
            now = time.perf_counter()
        return now - begun

    return min(seen() for _ in range(100))


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
