"""Compose the configurations of a sweep from its axes, with the same results as Hydra.

Hydra takes about forty milliseconds to compose a configuration, a hundred thousand times as long as a short run
takes. Therefore Hydra composes one configuration for each choice of files, and plain values (``optimizer.lr=0.1``)
are then written into the result. The first composition has the first value of every override. Which others are
needed depends on what an override may change besides its own key:

* plain values of keys that no other key refers to: none;
* plain values of a key that another key refers to (``dim: ${objective.dim}``): none; the value is written to both
  keys;
* files of a config group: one composition for each file. Combinations of files are assembled from these if each file
  is found to change only its own group; otherwise each combination is composed;
* ``+``, ``~``, packages, and whole groups as a value: one composition for each combination of these values and of the
  files;
* interpolations inside text or with resolvers whose value may depend on the job, such as ``${hydra:job.num}``: one
  composition for each job.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.sweeping.axes import Axis

REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\}")
CONSTANT = re.compile(r"\$\{(oc\.env|now|python_version|linspace|logspace|lines):[^${}]*\}")

Tree = dict[str, Any]
# Composes the job with these overrides and this job number.
Compose = Callable[[Sequence[str], int], DictConfig]


@dataclass(frozen=True)
class Composition:
    """A resolved configuration without Hydra's own part, and which of its keys refer to others.

    Attributes
    ----------
    tree : dict
        The configuration as nested dictionaries, with all interpolations resolved.
    followers : mapping of str to tuple of str
        For each key that others refer to, directly or through further keys: the keys that take its value.
    opaque : bool
        Whether some value depends on others in a way that only Hydra can resolve.
    """

    tree: Tree
    followers: Mapping[str, tuple[str, ...]]
    opaque: bool

    def with_values(self, values: Mapping[str, Any]) -> Tree:
        """Return a copy of the tree with other values at some keys and at the keys that refer to them.

        Parameters
        ----------
        values : mapping of str to object
            The new values by dotted key. A key in ``values`` keeps its own value even if it refers to another one.

        Returns
        -------
        dict
        """
        tree = copy.deepcopy(self.tree)
        for key, value in values.items():
            for place in (key, *(key for key in self.followers.get(key, ()) if key not in values)):
                _put(tree, place, value)
        return tree


def composition_of(cfg: DictConfig) -> Composition:
    """Resolve a configuration that Hydra has composed; it must be the current job's.

    Parameters
    ----------
    cfg : DictConfig
        The composed configuration, with or without the ``hydra`` node.

    Returns
    -------
    Composition

    Raises
    ------
    OmegaConfBaseException
        OmegaConf's own errors, for a missing value or an interpolation that cannot be resolved.
    """
    own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    tree: Tree = OmegaConf.to_container(own, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    written = dict(_leaves(OmegaConf.to_container(own, resolve=False)))
    followers: dict[str, tuple[str, ...]] = {}
    opaque = False
    for key, value in written.items():
        if not isinstance(value, str) or "${" not in value:
            continue
        source, seen = value, set()
        while isinstance(source, str) and (reference := REFERENCE.fullmatch(source)) and source not in seen:
            seen.add(source)
            target = reference[1]
            followers[target] = (*followers.get(target, ()), key)
            if target not in written:
                opaque = True
                break
            source = written[target]
        if isinstance(source, str) and "${" in source and not CONSTANT.fullmatch(source):
            opaque = True
    return Composition(tree, followers, opaque)


def compositions(
    axes: Sequence[Axis], compose: Compose, is_group: Callable[[str], bool]
) -> list[tuple[Composition, list[Axis]]]:
    """Compose a sweep: return its compositions, each with the axes whose values are still to be written into it.

    Each job of the sweep is exactly one pair of a composition and a choice of values of the axes returned with it.

    Parameters
    ----------
    axes : sequence of Axis
        The axes of the command line.
    compose : callable
        ``compose(texts, number)`` has Hydra compose the job with these overrides and this job number.
    is_group : callable
        Whether a key is a config group, whose values name files.

    Returns
    -------
    list of tuple of (Composition, list of Axis)

    Raises
    ------
    HydraException, OmegaConfBaseException
        For a job that cannot be composed or resolved.
    """
    several = [axis for axis in axes if len(axis.texts) > 1]
    values = _independent([axis for axis in several if axis.plain and not is_group(axis.key)], axes)
    choices = [axis for axis in several if axis not in values]

    def composed_with(chosen: Mapping[str, int], number: int = 0) -> Composition:
        return composition_of(compose([axis.texts[chosen.get(axis.key, 0)] for axis in axes], number))

    base = composed_with({})
    groups = [axis for axis in choices if axis.plain and axis.key in base.tree]
    apart = _composed_apart(base, groups, composed_with) if len(groups) == len(choices) else None
    found = []
    for chosen in product(*(range(len(axis.texts)) for axis in choices)):
        here = {axis.key: i for axis, i in zip(choices, chosen, strict=True)}
        found.append(_put_together(base, here, apart) if apart is not None else composed_with(here))
        if found[-1].opaque:
            break
    if not several or not any(composition.opaque for composition in found):
        return [(composition, values) for composition in found]
    jobs = product(*(range(len(axis.texts)) for axis in several))
    return [
        (composed_with({axis.key: i for axis, i in zip(several, chosen, strict=True)}, number), [])
        for number, chosen in enumerate(jobs)
    ]


def _independent(axes: list[Axis], all_axes: Sequence[Axis]) -> list[Axis]:
    """Return the axes whose key neither contains another override's key nor lies in it, because their order matters."""
    keys = [axis.key.lstrip("+~") for axis in all_axes]

    # Hydra composes the chosen files before it sets any value, so their order relative to values does not matter.
    files = {axis.key.lstrip("+~") for axis in all_axes if all(isinstance(value, str) for value in axis.values)}

    def alone(axis: Axis) -> bool:
        nested = (k.startswith(f"{axis.key}.") or (axis.key.startswith(f"{k}.") and k not in files) for k in keys)
        return keys.count(axis.key) == 1 and not any(nested)

    return [axis for axis in axes if alone(axis)]


def _composed_apart(
    base: Composition, groups: Sequence[Axis], composed_with: Callable[[Mapping[str, int]], Composition]
) -> dict[tuple[str, int], Composition] | None:
    """Compose each file of each group with the first file of the others; None if one changes more than its group."""
    found: dict[tuple[str, int], Composition] = {}
    for axis in groups:
        found[axis.key, 0] = base
        for i in range(1, len(axis.texts)):
            other = composed_with({axis.key: i})
            following = {
                follower for key, keys in base.followers.items() if _within(key, axis.key) for follower in keys
            }
            if other.opaque or other.followers != base.followers or _differ(base, other, axis.key, following):
                return None
            found[axis.key, i] = other
    return found


def _differ(base: Composition, other: Composition, group: str, following: set[str]) -> bool:
    """Whether two trees differ outside a group and the keys that refer to it."""
    mine, theirs = dict(_leaves(base.tree)), dict(_leaves(other.tree))
    outside = (key for key in mine.keys() | theirs.keys() if not _within(key, group) and key not in following)
    return any(key not in mine or key not in theirs or mine[key] != theirs[key] for key in outside)


def _put_together(
    base: Composition, chosen: Mapping[str, int], apart: Mapping[tuple[str, int], Composition]
) -> Composition:
    """Assemble the composition of a combination of files from the groups that were composed apart."""
    tree = copy.deepcopy(base.tree)
    for group, i in chosen.items():
        tree[group] = copy.deepcopy(apart[group, i].tree[group])
    leaves = dict(_leaves(tree))
    for key, places in base.followers.items():
        for place in places:
            _put(tree, place, leaves[key])
    return Composition(tree, base.followers, base.opaque)


def _within(key: str, group: str) -> bool:
    return key == group or key.startswith(f"{group}.")


def _put(tree: Tree, key: str, value: Any) -> None:
    *path, last = key.split(".")
    for name in path:
        tree = tree[name]
    tree[last] = value


def _leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of nested mappings by its dotted key, and the elements of lists too.

    An empty mapping counts as a value.
    """
    if isinstance(tree, Mapping) and (tree or not prefix):
        for key, value in tree.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(tree, list):
        yield prefix, tree
        yield from ((f"{prefix}.{i}", value) for i, value in enumerate(tree))
    else:
        yield prefix, tree
