"""A leaf's own numbers as a named tuple in compiled code."""

from collections import namedtuple
from functools import cache
from typing import Any

from adamlab.compiler.numpy_semantics import compile_part
from adamlab.rules.parameters import parameter_names


def _no_parameters(values):
    return ()


@cache
def named_parameters(cls: Any) -> Any:
    """A compiled constructor of a named tuple with the numeric parameters of ``cls``; () if it has none."""
    names = parameter_names(cls)
    if not names:
        return compile_part(_no_parameters)
    named = namedtuple(cls.__name__, names)  # type: ignore[misc]
    return compile_part(lambda values: named(*values))
