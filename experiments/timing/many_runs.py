"""Time many runs at once, each with its own learning rate and averaging coefficients."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from adamlab.measuring.timing import Advance, Runs
from adamlab.problems.random_streams import stream
from adamlab.rules.parameters import numbers_of, parameter_names
from adamlab.running.batches import Batch
from adamlab.running.many import run_batch
from experiments.sweeping.configuration import Configuration
from experiments.sweeping.families import batch_of


def many_runs(configuration: Configuration, runs: int, threads: int) -> Runs:
    """Return the execution of many runs in one call as something to be timed.

    A call includes the making of the batch and of the frames with the results. Each call of ``advance`` starts the
    runs anew.

    Parameters
    ----------
    configuration : Configuration
        What the runs have in common.
    runs : int
        Number of runs.
    threads : int
        Number of threads that share them.

    Returns
    -------
    Runs
    """

    def begin() -> Advance:
        batch = spread_out(configuration, runs)

        def advance(steps: int) -> Any:
            for _ in run_batch(replace(batch, n_steps=steps), threads):
                pass
            return SimpleNamespace(t=steps)

        return advance

    return Runs(begin)


def spread_out(configuration: Configuration, runs: int) -> Batch:
    """Return runs of one configuration, each with its own random ``lr``, ``beta1`` and ``beta2``.

    In each run, ``lr``, ``1 - beta1`` and ``1 - beta2`` are the configuration's, each multiplied by a random factor
    between 0.1 and 1. The factors follow from the configuration's seed.

    Parameters
    ----------
    configuration : Configuration
        The configuration.
    runs : int
        Number of runs.

    Returns
    -------
    Batch
        Without traces.
    """
    optimizer: Any = type(configuration.optimizer)
    draws, varied = stream(configuration.seed, "many runs"), {}
    for name, number in zip(parameter_names(optimizer), numbers_of(configuration.optimizer), strict=True):
        factor = 10.0 ** -draws.random(runs)
        if name == "lr":
            varied[f"optimizer.{name}"] = number * factor
        elif name in ("beta1", "beta2"):
            varied[f"optimizer.{name}"] = 1 - (1 - number) * factor
    return replace(batch_of(configuration, varied, runs), trace="none")
