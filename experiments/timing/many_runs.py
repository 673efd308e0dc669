"""Many runs at once as something to be timed: each with a learning rate and averages of its own."""

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
    """So many runs in one call, from a batch to the frames of their outcomes; its ``advance`` begins anew."""

    def begin() -> Advance:
        batch = spread_out(configuration, runs)

        def advance(steps: int) -> Any:
            for _ in run_batch(replace(batch, n_steps=steps), threads):
                pass
            return SimpleNamespace(t=steps)

        return advance

    return Runs(begin)


def spread_out(configuration: Configuration, runs: int) -> Batch:
    """Runs of one configuration whose lr lies within a factor of ten below its own, as does 1 - beta1 and 1 - beta2."""
    optimizer: Any = type(configuration.optimizer)
    draws, varied = stream(configuration.seed, "many runs"), {}
    for name, number in zip(parameter_names(optimizer), numbers_of(configuration.optimizer), strict=True):
        factor = 10.0 ** -draws.random(runs)
        if name == "lr":
            varied[f"optimizer.{name}"] = number * factor
        elif name in ("beta1", "beta2"):
            varied[f"optimizer.{name}"] = 1 - (1 - number) * factor
    return replace(batch_of(configuration, varied, runs), trace="none")
