"""Turn the compositions of a command line into families of runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from adamlab.rules.symbols import SEED, Number, Symbol, symbols
from adamlab.running.batches import LIMITS
from experiments.sweeping.axes import Axis
from experiments.sweeping.composition import Compose, Composition, Tree, composition_of, compositions
from experiments.sweeping.configuration import Configuration, configured
from experiments.sweeping.families import Family


@dataclass(frozen=True)
class Sweep:
    """The jobs of a command line: its compositions, each with the axes whose values are still to be written into it.

    Attributes
    ----------
    program : str
        The program's name, for error messages.
    compositions : sequence of tuple of (Composition, sequence of Axis)
        What `experiments.sweeping.composition.compositions` returns.
    axes : sequence of Axis
        The axes of the command line with more than one value.
    executor : str
        Name of the module in `experiments.sweeping.executors` that executes the runs.
    settings : mapping or None
        The settings of the executor.
    each : bool
        Whether the result of every single run must be kept, as for a sweeper that chooses the next jobs by their
        loss.
    """

    program: str
    compositions: Sequence[tuple[Composition, Sequence[Axis]]]
    axes: Sequence[Axis] = ()
    executor: str = "local"
    settings: Mapping[str, Any] | None = None
    each: bool = False

    @classmethod
    def of_one(cls, program: str, cfg: DictConfig) -> "Sweep":
        """Return the sweep with the single run of a composed configuration.

        Parameters
        ----------
        program : str
            The program's name.
        cfg : DictConfig
            The configuration; it must be the current job's.

        Returns
        -------
        Sweep
        """
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
        """Return the sweep over all combinations of the values of ``axes``.

        Parameters
        ----------
        program : str
            The program's name.
        axes : sequence of Axis
            The axes of the command line.
        compose, is_group : callable
            See `experiments.sweeping.composition.compositions`.
        executor, settings
            See `Sweep`.

        Returns
        -------
        Sweep
        """
        several = [axis for axis in axes if len(axis.texts) > 1]
        return cls(program, compositions(axes, compose, is_group), several, executor, settings)

    def trees(self) -> Iterator[Tree]:
        """Yield the resolved configuration of every job as nested dictionaries."""
        for composition, axes in self.compositions:
            for values in product(*(axis.values for axis in axes)):
                yield composition.with_values({axis.key: value for axis, value in zip(axes, values, strict=True)})

    @cached_property
    def run_ids(self) -> list[str]:
        """The identity of each job's run, in the order of the jobs."""
        return [configured(tree, self.program).run_id for tree in self.trees()]

    @cached_property
    def families(self) -> list[Family]:
        """The families of the runs, each once; raises `ConfigurationError` for a configuration that is not valid."""
        found: dict[Any, Family] = {}
        for composition, axes in self.compositions:
            for family in _families(self.program, composition, axes):
                found.setdefault(family.identity, family)
        return list(found.values())


def _families(program: str, composition: Composition, axes: Sequence[Axis]) -> Iterator[Family]:
    """Yield the families of a composition.

    Axes of numbers that may differ within a family stay axes of the family; each combination of the others gives a
    family.
    """
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
    """Return the check of a number that may differ between the runs of a family; None for any other key."""
    if key in LIMITS:
        return LIMITS[key][0]
    if key == "seed":
        return SEED
    group, _, name = key.partition(".")
    optimizer: Any = type(configuration.optimizer)
    if group != "optimizer" or optimizer.checks_together:
        return None
    symbol = symbols(optimizer).get(name)
    return symbol if isinstance(symbol, Number) and not symbol.whole else None
