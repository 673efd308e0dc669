"""What a command line asks for: runs, in families of one method on one problem that differ in numbers only."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from omegaconf import DictConfig

from adamlab.batches import Batch
from adamlab.many import OUTCOME_COLUMNS, run_batch
from adamlab.parameters import parameter_names
from adamlab.record import Value, frame, run_ids
from adamlab.symbols import LOSS_TARGET, SEED, TOLERANCE, Number, Symbol, symbols
from experiments.axes import Axis
from experiments.composition import Compose, Composed, Tree, composed, compositions
from experiments.configuration import Configuration, configured

# The limits in which runs of one compiled loop may differ, and their checks.
_LIMITS: Mapping[str, Symbol] = {"tol": TOLERANCE, "grad_tol": TOLERANCE, "loss_target": LOSS_TARGET}


@dataclass(frozen=True)
class Sweep:
    """The compositions of a command line, each with the axes whose values are still to be put in their places.

    ``axes`` are those of the command line with more than one value; ``executor`` names who does the work
    (`experiments.executors`), under its ``settings``; ``each``: who asks wants to know what came of each run.
    """

    program: str
    compositions: Sequence[tuple[Composed, Sequence[Axis]]]
    axes: Sequence[Axis] = ()
    executor: str = "local"
    settings: Mapping[str, Any] | None = None
    each: bool = False

    @classmethod
    def of_one(cls, program: str, cfg: DictConfig) -> "Sweep":
        """The one run of a composed configuration."""
        return cls(program, [(composed(cfg), [])])

    @classmethod
    def of_product(
        cls,
        program: str,
        axes: Sequence[Axis],
        compose: Compose,
        is_group: Callable[[str], bool],
        executor: str,
        settings: Mapping[str, Any],
    ) -> "Sweep":
        """Every combination of the values of ``axes``."""
        several = [axis for axis in axes if len(axis.texts) > 1]
        return cls(program, compositions(axes, compose, is_group), several, executor, settings)

    def trees(self) -> Iterator[Tree]:
        """The resolved configuration of every job."""
        for composition, axes in self.compositions:
            for values in product(*(axis.values for axis in axes)):
                yield composition.with_values({axis.key: value for axis, value in zip(axes, values, strict=True)})

    @cached_property
    def run_ids(self) -> list[str]:
        """The identity of every job's run, in order."""
        return [configured(tree, self.program).run_id for tree in self.trees()]

    @cached_property
    def families(self) -> list["Family"]:
        """The runs, checked; raises `ConfigurationError` for any that is not as it should be."""
        found: dict[Any, Family] = {}
        for composition, axes in self.compositions:
            for family in _families(self.program, composition, axes):
                found.setdefault(family.identity, family)
        return list(found.values())


@dataclass(frozen=True)
class Family:
    """Runs that have a configuration in common, but for the numbers of ``axes``: every combination of these.

    An axis is a key and its values, as they are recorded; the last varies fastest.
    """

    configuration: Configuration
    axes: Mapping[str, NDArray[Any]]

    @property
    def identity(self) -> Any:
        """What families of the same runs have in common."""
        fixed = {key: value for key, value in self.configuration.keys.items() if key not in self.axes}
        values = tuple((key, tuple(values.tolist())) for key, values in self.axes.items())
        return self.place, tuple(sorted(fixed.items())), self.configuration.algorithms, values

    @property
    def place(self) -> tuple[Path, str]:
        """Where the runs are recorded: the root folder and the study."""
        return self.configuration.results, self.configuration.study

    @property
    def size(self) -> int:
        """How many runs."""
        return int(np.prod([values.size for values in self.axes.values()], dtype=np.int64))

    @property
    def run_ids(self) -> list[str]:
        """The identity of every run."""
        return self.piece(np.arange(self.size)).run_ids

    def piece(self, places: NDArray[np.int64]) -> "Piece":
        """The runs at these places."""
        shape = [values.size for values in self.axes.values()]
        indices = np.unravel_index(places, shape) if shape else ()
        varied = {key: values[i] for (key, values), i in zip(self.axes.items(), indices, strict=True)}
        return Piece(self.configuration, varied, places.size)


@dataclass(frozen=True)
class Piece:
    """Some runs of a family, to be done together: ``varied`` has the values of each run by key."""

    configuration: Configuration
    varied: Mapping[str, NDArray[Any]]
    runs: int

    @cached_property
    def run_ids(self) -> list[str]:
        """The identity of each run."""
        varied = {key: values.tolist() for key, values in self.varied.items()}
        if not varied:
            return [self.configuration.run_id]
        return run_ids(self.configuration.keys, varied, self.configuration.algorithms)

    def perform(self) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """Do the runs; returns their records, and those of their traces if they keep any.

        If they cannot be done together (for want of memory, say), each is done alone; one that raises is a record too.
        """
        try:
            return self._together()
        except Exception as error:
            if self.runs == 1:
                return self.failed(traceback.format_exception_only(error)[-1].strip()), None
        alone = [self._one(i).perform() for i in range(self.runs)]
        traces = [trace for _, trace in alone if trace is not None]
        return pl.concat([rows for rows, _ in alone]), pl.concat(traces) if traces else None

    def _one(self, i: int) -> "Piece":
        return Piece(self.configuration, {key: values[i : i + 1] for key, values in self.varied.items()}, 1)

    def _together(self) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        rows, traces = [], []
        for _, done in run_batch(self.batch(), threads=1):
            rows.append(done.runs)
            if done.trace is not None:
                first = sum(frame.height for frame in rows[:-1])
                traces.append(done.trace.with_columns(pl.col("run") + first))
        whole = self._records(pl.concat(rows).select(*OUTCOME_COLUMNS))
        if not traces:
            return whole, None
        trace = pl.concat(traces)
        return whole, trace.select(whole["run_id"].gather(trace["run"]), pl.exclude("run"))

    def failed(self, message: str) -> pl.DataFrame:
        """The records of the runs if none of them could be done, and why."""
        outcome = pl.DataFrame([{"status": "failed", "error": message}], schema=OUTCOME_COLUMNS)
        return self._records(outcome.select(pl.all().gather(np.zeros(self.runs, np.int64))))

    def _records(self, outcome: pl.DataFrame) -> pl.DataFrame:
        keys: dict[str, Value] = {"algorithms": self.configuration.algorithms, **self.configuration.keys}
        same = frame([{key: value for key, value in keys.items() if key not in self.varied}], {})
        columns = [
            pl.Series(key, self.varied[key]) if key in self.varied else same[key].new_from_index(0, self.runs)
            for key in keys
        ]
        return pl.DataFrame([pl.Series("run_id", self.run_ids), *columns]).hstack(outcome)

    def batch(self) -> Batch:
        """The runs as the library takes them."""
        own = self.configuration
        optimizer: Any = type(own.optimizer)

        def values(key: str, one: float) -> NDArray[Any]:
            return self.varied[key] if key in self.varied else np.full(self.runs, one)

        numbers = [values(f"optimizer.{name}", getattr(own.optimizer, name)) for name in parameter_names(optimizer)]
        return Batch(
            optimizer=optimizer,
            objective=own.objective,
            noise=own.noise,
            schedule=own.schedule,
            n_steps=own.n_steps,
            numbers=np.array(numbers, np.float64).reshape(-1, self.runs),
            limits=np.array([values(name, getattr(own.stopping, name)) for name in _LIMITS]),
            seeds=values("seed", own.seed).astype(np.int64),
            places=np.arange(self.runs),
            backend=own.backend,
            trace=own.trace,
            trace_points=own.trace_points,
        )


def _families(program: str, composition: Composed, axes: Sequence[Axis]) -> Iterator[Family]:
    first = configured(composition.tree, program)
    together: dict[str, NDArray[Any]] = {}
    for axis in axes:
        symbol = None if axis.key in composition.followers else _check_of(axis.key, first)
        if symbol is not None and all(type(value) in (int, float) for value in axis.values):
            owner = type(first.optimizer).__name__ if "." in axis.key else _owner(program, axis.key)
            name = axis.key.rpartition(".")[2]
            together[axis.key] = np.array(list(dict.fromkeys(symbol.check(owner, name, v) for v in axis.values)))
    apart = [axis for axis in axes if axis.key not in together]
    for values in product(*(axis.values for axis in apart)):
        if apart:
            tree = composition.with_values({axis.key: value for axis, value in zip(apart, values, strict=True)})
            yield Family(configured(tree, program), together)
        else:
            yield Family(first, together)


def _owner(program: str, key: str) -> str:
    return program if key == "seed" else "stopping"


def _check_of(key: str, configuration: Configuration) -> Symbol | None:
    """The check of a number in which runs of one family may differ; None for any other key."""
    if key in _LIMITS:
        return _LIMITS[key]
    if key == "seed":
        return SEED
    group, _, name = key.partition(".")
    optimizer: Any = type(configuration.optimizer)
    if group != "optimizer" or optimizer.checks_together:
        return None
    symbol = symbols(optimizer).get(name)
    return symbol if isinstance(symbol, Number) and not symbol.whole else None
