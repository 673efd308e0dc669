"""Random numbers in compiled code: parts for the kernels, and functions for gradients that are called from Python.

Both compile the same functions, so the numbers are the same to the last bit on all backends.
"""

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
    """Return the compiled function that adds noise to one coordinate of a gradient.

    Parameters
    ----------
    noise : type
        Class of the noise.

    Returns
    -------
    numba dispatcher
        ``noisy(q, key, t, i, g)``: coordinate ``i`` of the gradient, ``g``, with the noise of step ``t``; ``q`` are
        the noise's named parameters and ``key`` is the key of the random stream.
    """
    noisy, drawn = compile_part(in_numba(noise.noisy)), compile_part(in_numba(uniforms))

    @compile_part
    def one(q, key, t, i, g):
        u, v = drawn(key, t, i)
        return noisy(q, g, u, v)

    return one


def add_noise(noise: Any, key: np.uint64, t: int, g: Array) -> Array:
    """Add the noise of a step to a gradient in place.

    Parameters
    ----------
    noise : leaf of `adamlab.noises`
        The noise.
    key : numpy.uint64
        Key of the random stream.
    t : int
        Number of the step.
    g : ndarray, one axis
        The gradient, which is changed.

    Returns
    -------
    ndarray
        The array ``g``.
    """
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
    """Return the compiled function that draws one random number.

    Parameters
    ----------
    kind : str
        A key of `adamlab.problems.philox.DRAWS`.

    Returns
    -------
    numba dispatcher
        ``draw(key, step, coordinate)``: a float64.
    """
    return compile_part(in_numba(DRAWS[kind]))


@cache
def fill_draws(kind: str) -> Any:
    """Return the compiled function that fills an array with random numbers.

    Parameters
    ----------
    kind : str
        A key of `adamlab.problems.philox.DRAWS`.

    Returns
    -------
    numba dispatcher
        ``fill(key, step, out)``: sets ``out[i]`` to the draw of coordinate ``i``.
    """
    draw = compiled_draw(kind)

    @compile_part
    def fill(key, step, out):
        for i in range(out.size):
            out[i] = draw(key, step, i)

    return fill


def draws(kind: str, key: np.uint64, t: int, size: int) -> Array:
    """Return the random numbers of a step.

    Parameters
    ----------
    kind : str
        ``uniform`` or ``normal``.
    key : numpy.uint64
        Key of the random stream.
    t : int
        Number of the step.
    size : int
        How many numbers.

    Returns
    -------
    ndarray, shape (size,), float64
        The numbers; element ``i`` is that of coordinate ``i``.
    """
    out = np.empty(size)
    _filler(kind)(key, t, out)
    return out


@cache
@counted_as_compilation()
def _filler(kind: str) -> Any:
    fill = fill_draws(kind)
    return compile_function(lambda key, t, out: fill(key, t, out))
