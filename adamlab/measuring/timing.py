"""Timing of runs: interleaved samples, their median, and a bootstrap interval.

What is timed is a run: it is set up and takes a number of steps, and the implementation itself evaluates the gradient
at each step. The set-up is either timed with the steps or left out. If it is left out, the first step counts as
set-up as well, because libraries allocate their state and compile in it, and only the steps after it are timed. A run
has the number of steps that was asked for, or as many as take about ``max_run_seconds``. An implementation whose step
takes longer than ``max_step_seconds`` is left out.

Every case is warmed up first. Its number of repetitions is chosen so that one sample lasts at least
``min_sample_seconds``, and at least a thousand ticks of the clock as measured on this machine. Samples are taken in
rounds. Each round takes one sample of every case, in a new random order, so that a drift of the machine affects all
cases alike. A case that has used up ``budget_seconds`` after `MIN_ROUNDS` rounds takes no part in later rounds. The
garbage collector is off while a sample is taken. Every case has one thread unless it asks for more; the programs set
this, because thread pools read their size when they are imported. The result is the median, with the 95%
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
# A function that takes the given number of further steps of a run, unless it stops earlier, and returns its iterate.
Advance = Callable[[int], Any]


@dataclass(frozen=True)
class Interval:
    """A median and its 95% bootstrap interval, in the unit of the samples.

    Attributes
    ----------
    median : float
        The median.
    lo, hi : float
        The ends of the interval.
    samples : int
        Number of samples.
    """

    median: float
    lo: float
    hi: float
    samples: int


class Implementation(Protocol):
    """A way to execute runs of one configuration."""

    def seconds(self, repetitions: int, steps: int, set_up: bool) -> float:
        """Execute runs and return the time that they took.

        Parameters
        ----------
        repetitions : int
            Number of runs.
        steps : int
            Steps of each run.
        set_up : bool
            Whether the set-up is timed too (see the module).

        Returns
        -------
        float
            Seconds for all runs.
        """


@dataclass(frozen=True)
class Runs:
    """An implementation in this process.

    Attributes
    ----------
    begin : callable
        ``begin()`` sets up a run and returns the function that takes its steps.
    """

    begin: Callable[[], Advance]

    def seconds(self, repetitions: int, steps: int, set_up: bool) -> float:
        """Execute runs and return the seconds that they took; see `Implementation`."""
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
    """Return a case that calls a function and measures the time of its calls.

    Parameters
    ----------
    function : callable
        A function without arguments.

    Returns
    -------
    callable
        ``case(repetitions)``: the seconds that this number of calls took.
    """

    def case(repetitions: int) -> float:
        begun = time.perf_counter()
        for _ in range(repetitions):
            function()
        return time.perf_counter() - begun

    return case


@dataclass(frozen=True)
class Length:
    """The length of a run.

    Attributes
    ----------
    steps : int
        Number of steps.
    seconds : float
        The time that they took once.
    """

    steps: int
    seconds: float


def fitting_length(implementation: Implementation, most: int, max_seconds: float, too_long: float) -> Length:
    """Find the length of the runs to be timed; this also warms up the implementation.

    Parameters
    ----------
    implementation : Implementation
        The implementation.
    most : int
        Number of steps that was asked for.
    max_seconds : float
        About the longest time of a run.
    too_long : float
        Seconds above which a single step takes too long.

    Returns
    -------
    Length
        A run of ``most`` steps, or of as many as take about ``max_seconds``, or of one step if that takes longer than
        ``too_long``.

    Notes
    -----
    The number of steps grows by a factor of a hundred at most in each trial, because the time of a short run is
    mostly that of its start.
    """
    steps = 1
    while True:
        # Each length is warmed up, because a loop may be compiled for its number of steps.
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
    """Take samples of several cases in turn, as the module describes.

    Parameters
    ----------
    cases : mapping of str to callable
        The cases by name; each is a function that does its work a given number of times and returns the seconds that
        this took.
    rounds : int
        Samples of each case, unless it uses up its budget earlier.
    min_sample_seconds : float
        Shortest duration of a sample.
    budget_seconds : float
        Time after which a case leaves the rounds, once it has `MIN_ROUNDS` samples.
    seed : int
        Seed of the order of the cases.
    progress : callable
        Called with a line of text at the start of each round.
    seen : mapping of str to float, optional
        Seconds that a repetition has taken before, for cases that are warmed up.

    Returns
    -------
    dict of str to ndarray
        Seconds per repetition, one element for each sample.
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
    """Return the measured resolution of the clock: the least difference in seconds between two unequal readings."""

    def seen() -> float:
        begun = now = time.perf_counter()
        while now == begun:
            now = time.perf_counter()
        return now - begun

    return min(seen() for _ in range(100))


def median_interval(samples: NDArray[np.float64], name: str, seed: int = 0) -> Interval:
    """Return the median of samples with its 95% percentile-bootstrap interval.

    Parameters
    ----------
    samples : ndarray of float64
        The samples.
    name : str
        Name of the case; with ``seed`` it determines the random numbers of the bootstrap.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    Interval
        Median and interval; the interval has no width if there is one sample or all are equal.
    """
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
