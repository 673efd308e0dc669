"""Names and values of a leaf's own numeric parameters, in the form that the compiled loops take."""

from dataclasses import fields
from functools import cache
from typing import Any


@cache
def parameter_names(cls: Any) -> tuple[str, ...]:
    """Return the names of a leaf's own numeric parameters.

    Parameters
    ----------
    cls : type or None
        The class of a leaf; None has no parameters.

    Returns
    -------
    tuple of str
        The names of all fields but ``dim``, ``x0`` and ``dtype``, in order.
    """
    own = () if cls is None else fields(cls)
    return tuple(field.name for field in own if field.name not in ("dim", "x0", "dtype"))


def numbers_of(leaf: Any) -> tuple[float, ...]:
    """Return the values of a leaf's own numeric parameters.

    Parameters
    ----------
    leaf : dataclass
        An optimizer, objective, noise or schedule.

    Returns
    -------
    tuple of float
        The values in the order of `parameter_names`.
    """
    return tuple(float(getattr(leaf, name)) for name in parameter_names(leaf.__class__))
