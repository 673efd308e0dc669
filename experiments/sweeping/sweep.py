"""What a command line asks for: runs, in families of one method on one problem that differ in numbers only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from adamlab.rules.symbols import SEED, Number, Symbol, symbols
from experiments.sweeping.axes import Axis
from experiments.sweeping.composition import Compose, Composition, Tree, composition_of, compositions
from experiments.sweeping.configuration import Configuration, configured
from experiments.sweeping.families import LIMITS, Family


@dataclass(frozen=True)
class Sweep:
    """The compositions of a command line, each with the axes whose values are still to be put in their places.

    ``axes`` are those of the command line with more than one value; ``executor`` names who does the work
    (`experiments.sweeping.executors`), under its ``settings``; ``each``: who asks wants to know what came of each run.
    """

    program: str
    compositions: Sequence[tuple[Composition, Sequence[Axis]]]
    axes: Sequence[Axis] = ()
    executor: str = "local"
    settings: Mapping[str, Any] | None = None
    each: bool = False

    @classmethod
    def of_one(cls, program: str, cfg: DictConfig) -> "Sweep":
        """The one run of a composed configuration."""
        return cls(program, [(composition_of(cfg), [])])

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
    def families(self) -> list[Family]:
        """The runs, checked; raises `ConfigurationError` for any that is not as it should be."""
        found: dict[Any, Family] = {}
        for composition, axes in self.compositions:
            for family in _families(self.program, composition, axes):
                found.setdefault(family.identity, family)
        return list(found.values())


def _families(program: str, composition: Composition, axes: Sequence[Axis]) -> Iterator[Family]:
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
    if key in LIMITS:
        return LIMITS[key]
    if key == "seed":
        return SEED
    group, _, name = key.partition(".")
    optimizer: Any = type(configuration.optimizer)
    if group != "optimizer" or optimizer.checks_together:
        return None
    symbol = symbols(optimizer).get(name)
    return symbol if isinstance(symbol, Number) and not symbol.whole else None
