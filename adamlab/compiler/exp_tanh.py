"""exp and tanh for compiled code, in operations that LLVM can vectorise.

Numba calls the C library for each number, which costs more than the matrix products around these calls. Here
x = n log 2 + r with an integer n; exp(r) - 1 is computed by its series, and 2^n by setting the bits of its exponent.
Everything is computed in float64, whatever the dtype, without a branch, a table or a library, so the bits are the same
on all machines. The error is below 1.5 units in the last place for exp and 3 for tanh. Infinities, nans, overflow and
subnormal results are as in IEEE arithmetic.
"""

import math
from functools import partial

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from adamlab.compiler.inlining import AS_PART, part

PER_LOG_2 = 1 / math.log(2)
# log 2 in two parts; the first has so few digits that its product with n is exact.
LOG_2, LOG_2_REST = float.fromhex("0x1.62e42fee00000p-1"), 1.9082149292705877e-10
# A number so large that adding it rounds to an integer, which then stands in the last bits of the sum.
ROUNDER = 1.5 * 2.0**52
# Arguments at which exp is already 0 and infinity, and tanh is 1.
LEAST, GREATEST, SATURATED = -746.0, 710.0, 40.0
SERIES = tuple(1 / math.factorial(n) for n in range(14))
BIAS, SHIFT = 1023, 52


def exp(x):
    """Return `numpy.exp` of ``x``; compiled code computes it by this module."""
    return np.exp(x)


def tanh(x):
    """Return `numpy.tanh` of ``x``; compiled code computes it by this module."""
    return np.tanh(x)


ieee = partial(part, error_model="numpy")


@intrinsic
def _bits(typingctx, x):
    def build(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), build


@intrinsic
def _number(typingctx, bits):
    def build(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), build


@ieee
def _reduced(x):
    """Return ``(n, exp(r) - 1)``, where x = n log 2 + r and n is an integer."""
    rounded = x * PER_LOG_2 + ROUNDER
    n = rounded - ROUNDER
    r = (x - n * LOG_2) - n * LOG_2_REST
    s = SERIES[13]
    s = s * r + SERIES[12]
    s = s * r + SERIES[11]
    s = s * r + SERIES[10]
    s = s * r + SERIES[9]
    s = s * r + SERIES[8]
    s = s * r + SERIES[7]
    s = s * r + SERIES[6]
    s = s * r + SERIES[5]
    s = s * r + SERIES[4]
    s = s * r + SERIES[3]
    s = s * r + SERIES[2]
    s = s * r + SERIES[1]
    return _bits(rounded) - _bits(ROUNDER), s * r


@ieee
def _power_of_2(n):
    return _number((n + BIAS) << SHIFT)


@ieee
def _exp(x):
    """Return exp of a float64; 2^n is applied in two factors, so that each is a normal number."""
    n, more = _reduced(min(max(x, LEAST), GREATEST))
    half = n >> 1
    return (1.0 + more) * _power_of_2(half) * _power_of_2(n - half)


@ieee
def _tanh(x):
    """Return tanh of a float64 as -e / (2 + e) with the sign of x, where e = exp(-2 abs(x)) - 1."""
    n, more = _reduced(-2.0 * min(abs(x), SATURATED))
    power = _power_of_2(n)
    e = more * power + (power - 1.0)
    return math.copysign(-e / (2.0 + e), x)


def _offer(function, of_one):
    @overload(function, jit_options={"error_model": "numpy", **AS_PART})
    def compiled(x):
        if isinstance(x, types.Float):
            number = x
            return lambda x: number(of_one(np.float64(x)))
        if isinstance(x, types.Array) and isinstance(x.dtype, types.Float):
            return each
        return None

    def each(x):
        flat = x.ravel()
        y = np.empty_like(flat)
        for i in range(flat.size):
            y[i] = of_one(np.float64(flat[i]))
        return y.reshape(x.shape)


_offer(exp, _exp)
_offer(tanh, _tanh)
