"""The numeric parameters of a leaf (an optimizer, objective, noise or schedule), as a named tuple in compiled code."""

from collections import namedtuple
from functools import cache
from typing import Any

from adamlab.compiler.numpy_semantics import compile_part
from adamlab.rules.parameters import parameter_names


def _no_parameters(values):
    return ()


@cache
def named_parameters(cls: Any) -> Any:
    """Return the compiled constructor of a named tuple of a leaf's numeric parameters.

    Parameters
    ----------
    cls : type or None
        Class of the leaf.

    Returns
    -------
    numba dispatcher
        ``named(values)``: the values under the names of `adamlab.rules.parameters.parameter_names`. It returns an
        empty tuple if there are no parameters, or if ``cls`` is None.
    """
    names = parameter_names(cls)
    if not names:
        return compile_part(_no_parameters)
    named = namedtuple(cls.__name__, names)  # type: ignore[misc]
    return compile_part(lambda values: named(*values))
