"""A leaf's own numbers, as the compiled loops take them."""

from dataclasses import fields
from functools import cache
from typing import Any


@cache
def parameter_names(cls: Any) -> tuple[str, ...]:
    """The fields of a leaf that are its own numbers: all but the dimension, the start and the dtype."""
    own = () if cls is None else fields(cls)
    return tuple(field.name for field in own if field.name not in ("dim", "x0", "dtype"))


def numbers_of(leaf: Any) -> tuple[float, ...]:
    """A leaf's own numbers, in the order of `parameter_names`."""
    return tuple(float(getattr(leaf, name)) for name in parameter_names(leaf.__class__))
