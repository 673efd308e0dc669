"""Random numbers that are a function of the stream, the step and the coordinate that use them.

Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3") turns a counter and a
key into 128 random bits. The key belongs to the stream and the counter is (coordinate, step), so a number does not
depend on which numbers were generated before it. A run therefore gets the same noise whatever its optimizer, its
backend, and the other runs of its batch.

Every backend calls the compiled functions of `adamlab.compiler.random_numbers`, because the logarithms of two
libraries differ in the last place.
"""

import math

import numpy as np

ROUNDS = 10
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_MULTIPLIER_0, _MULTIPLIER_1 = _MULTIPLIERS
_WEYL_0, _WEYL_1 = _WEYL
_SPARE_BITS, _UNIT = np.uint64(11), 2.0**-53


def philox4x32(counter, key):
    """Return 128 random bits as four 32-bit words, from a counter of four words and a key of two, all in uint64."""
    a, b, c, d = counter
    k, m = key
    for _ in range(ROUNDS):
        even, odd = _MULTIPLIER_0 * a, _MULTIPLIER_1 * c
        a, b, c, d = (odd >> _HALF) ^ b ^ k, odd & _LOW, (even >> _HALF) ^ d ^ m, even & _LOW
        k, m = (k + _WEYL_0) & _LOW, (m + _WEYL_1) & _LOW
    return a, b, c, d


def uniforms(key, step, coordinate):
    """Return two uniform numbers in [0, 1), with 53 bits each, for the key of a stream, a step and a coordinate."""
    at, when = np.uint64(coordinate), np.uint64(step)
    counter = at & _LOW, at >> _HALF, when & _LOW, when >> _HALF
    a, b, c, d = philox4x32(counter, (key & _LOW, key >> _HALF))
    u = ((a << _HALF | b) >> _SPARE_BITS) * _UNIT
    return u, ((c << _HALF | d) >> _SPARE_BITS) * _UNIT


def standard_normal(u, v):
    """Return a standard normal number, computed from two uniform numbers (Box & Muller 1958)."""
    return math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)


def draw_uniform(key, step, coordinate):
    """Return one uniform number in [0, 1)."""
    return uniforms(key, step, coordinate)[0]


def draw_normal(key, step, coordinate):
    """Return one standard normal number."""
    u, v = uniforms(key, step, coordinate)
    return standard_normal(u, v)


DRAWS = {"uniform": draw_uniform, "normal": draw_normal}
