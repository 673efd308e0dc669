"""From the axes of a sweep to the configurations of its jobs, with the meaning that Hydra gives them.

Hydra takes some forty milliseconds for a configuration, a hundred thousand times longer than a short run takes. Here
it composes one for each choice of files, and plain values (``optimizer.lr=0.1``) are put in their places in the
result. What an override may change beyond its own place decides how far that goes:

* plain values of keys that nothing else refers to: no composition but the one with the first of them;
* a key that another one follows (``dim: ${objective.dim}``): the value is put there too;
* files of a config group: one composition for each, and their combinations are put together from these, if each is
  seen to change its own group only; otherwise one for each combination;
* anything else (``+``, ``~``, packages, whole groups as a value, interpolations with resolvers or inside text, such as
  ``${hydra:job.num}``): a composition for every job.
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
# Composes the job of these overrides and this number.
Compose = Callable[[Sequence[str], int], DictConfig]


@dataclass(frozen=True)
class Composition:
    """A resolved configuration without Hydra's own part, and which of its keys follow others.

    ``followers`` has, by key, the keys whose value is that one's; ``opaque`` says that some value depends on others in
    a way that only Hydra's own resolution knows.
    """

    tree: Tree
    followers: Mapping[str, tuple[str, ...]]
    opaque: bool

    def with_values(self, values: Mapping[str, Any]) -> Tree:
        """The tree with other values in the places of these keys, and in those of the keys that follow them."""
        tree = copy.deepcopy(self.tree)
        for key, value in values.items():
            for place in (key, *(key for key in self.followers.get(key, ()) if key not in values)):
                _put(tree, place, value)
        return tree


def composition_of(cfg: DictConfig) -> Composition:
    """What Hydra has composed, resolved while it is the current job's; raises OmegaConf's own errors."""
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
    """The configurations of a sweep: each with the axes whose values remain to be put in the places of its own.

    Every job is exactly one of the pairs of a configuration and a choice of values. Raises what Hydra and OmegaConf
    raise for what cannot be composed.
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
    """Those whose keys no other override contains or lies within: the order of two such overrides counts."""
    keys = [axis.key.lstrip("+~") for axis in all_axes]

    # What names files is composed before any value is set.
    files = {axis.key.lstrip("+~") for axis in all_axes if all(isinstance(value, str) for value in axis.values)}

    def alone(axis: Axis) -> bool:
        nested = (k.startswith(f"{axis.key}.") or (axis.key.startswith(f"{k}.") and k not in files) for k in keys)
        return keys.count(axis.key) == 1 and not any(nested)

    return [axis for axis in axes if alone(axis)]


def _composed_apart(
    base: Composition, groups: Sequence[Axis], composed_with: Callable[[Mapping[str, int]], Composition]
) -> dict[tuple[str, int], Composition] | None:
    """Each file of each group composed beside the first of the others; None if one changes more than its group."""
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
    """Whether two trees differ outside a group and what follows it."""
    mine, theirs = dict(_leaves(base.tree)), dict(_leaves(other.tree))
    outside = (key for key in mine.keys() | theirs.keys() if not _within(key, group) and key not in following)
    return any(key not in mine or key not in theirs or mine[key] != theirs[key] for key in outside)


def _put_together(
    base: Composition, chosen: Mapping[str, int], apart: Mapping[tuple[str, int], Composition]
) -> Composition:
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
    """Every value of nested mappings that is none itself, by its dotted key; an empty mapping is a value."""
    if isinstance(tree, Mapping) and (tree or not prefix):
        for key, value in tree.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(tree, list):
        yield prefix, tree
        yield from ((f"{prefix}.{i}", value) for i, value in enumerate(tree))
    else:
        yield prefix, tree
