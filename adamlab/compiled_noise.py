"""Random numbers for the gradients that are called: compiled, so that they are those of the compiled loops."""

from functools import cache
from typing import Any

import numpy as np

from adamlab.numba_language import compile_function, compile_part, in_numba
from adamlab.parameters import named_parameters, numbers_of
from adamlab.philox import fill_draws, uniforms
from adamlab.problem import Array


@cache
def noisy_coordinate(noise: Any) -> Any:
    """A compiled ``noisy(q, key, t, i, g)``: coordinate ``i`` of a gradient at step ``t`` with noise of this class."""
    noisy = compile_part(in_numba(noise.noisy))

    @compile_part
    def one(q, key, t, i, g):
        u, v = uniforms(key, t, i)
        return noisy(q, g, u, v)

    return one


def add_noise(noise: Any, key: np.uint64, t: int, g: Array) -> Array:
    """Add the noise of step ``t`` to ``g`` in place, and return it."""
    _adder(noise.__class__)(numbers_of(noise), key, t, g)
    return g


@cache
def _adder(noise: Any) -> Any:
    named, noisy = named_parameters(noise), noisy_coordinate(noise)

    @compile_function
    def add(q, key, t, g):
        for i in range(g.size):
            g[i] = noisy(named(q), key, t, i, g[i])

    return add


def draws(kind: str, key: np.uint64, t: int, size: int) -> Array:
    """``size`` numbers of one kind (``uniform`` or ``normal``) for step ``t``."""
    out = np.empty(size)
    _filler(kind)(key, t, out)
    return out


@cache
def _filler(kind: str) -> Any:
    fill = fill_draws(kind)
    return compile_function(lambda key, t, out: fill(key, t, out))
