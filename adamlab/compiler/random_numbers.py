"""Random numbers for the gradients that are called: compiled, so that they are those of the compiled loops."""

from functools import cache
from typing import Any

import numpy as np

from adamlab.compiler.compile_time import counted_as_compilation
from adamlab.compiler.numpy_semantics import compile_function, compile_part, in_numba
from adamlab.compiler.parameters import named_parameters
from adamlab.problems.philox import DRAWS, uniforms
from adamlab.problems.problem import Array
from adamlab.rules.parameters import numbers_of


@cache
def noisy_coordinate(noise: Any) -> Any:
    """A compiled ``noisy(q, key, t, i, g)``: coordinate ``i`` of a gradient at step ``t`` with noise of this class."""
    noisy, drawn = compile_part(in_numba(noise.noisy)), compile_part(in_numba(uniforms))

    @compile_part
    def one(q, key, t, i, g):
        u, v = drawn(key, t, i)
        return noisy(q, g, u, v)

    return one


def add_noise(noise: Any, key: np.uint64, t: int, g: Array) -> Array:
    """Add the noise of step ``t`` to ``g`` in place, and return it."""
    _adder(noise.__class__)(numbers_of(noise), key, t, g)
    return g


@cache
@counted_as_compilation()
def _adder(noise: Any) -> Any:
    named, noisy = named_parameters(noise), noisy_coordinate(noise)

    @compile_function
    def add(q, key, t, g):
        for i in range(g.size):
            g[i] = noisy(named(q), key, t, i, g[i])

    return add


@cache
def compiled_draw(kind: str) -> Any:
    """A compiled ``draw(key, step, coordinate)``: one number of this kind (`adamlab.problems.philox.DRAWS`)."""
    return compile_part(in_numba(DRAWS[kind]))


@cache
def fill_draws(kind: str) -> Any:
    """A compiled ``fill(key, step, out)`` with draws of one kind, the number at ``i`` being coordinate ``i``'s."""
    draw = compiled_draw(kind)

    @compile_part
    def fill(key, step, out):
        for i in range(out.size):
            out[i] = draw(key, step, i)

    return fill


def draws(kind: str, key: np.uint64, t: int, size: int) -> Array:
    """``size`` numbers of one kind (``uniform`` or ``normal``) for step ``t``."""
    out = np.empty(size)
    _filler(kind)(key, t, out)
    return out


@cache
@counted_as_compilation()
def _filler(kind: str) -> Any:
    fill = fill_draws(kind)
    return compile_function(lambda key, t, out: fill(key, t, out))
