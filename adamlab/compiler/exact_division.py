"""Division by a number that all coordinates share: multiplications that give the same bits as the division.

Let r be 1/b rounded, q = x·r rounded, and s = q·b - x the remainder, which a fused multiply-add gives exactly. Then
q - s·r rounded is x/b rounded (Markstein, IBM J. Res. Dev. 34, 1990; see Brisebarre, Muller & Raina, IEEE Trans.
Computers 53, 2004), unless an intermediate result overflows or underflows. Each quotient therefore comes with a flag,
its doubt, which is set wherever that may have happened. It is not set for zeros, whose sign is right. Bias corrections
are such divisors: Adam as printed divides three times for a coordinate, and two of the divisors are numbers of the
step.
"""

import ast
import platform
import struct
from collections.abc import Callable
from functools import cache, reduce
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from adamlab.compiler.numpy_semantics import compile_part, in_numba

# Sizes of the dividend, and values of the divisor, for which the remainder is exact and every result a normal number.
LEAST, MOST = 2.0**-900, 2.0**900
LEAST_DIVISOR, MOST_DIVISOR = 2.0**-64, 2.0**64


@cache
def without_division(update: Callable[..., Any], dtype: str) -> Any:
    """Return an optimizer's ``update`` with multiplications in place of its divisions by fields of ``c``.

    Parameters
    ----------
    update : callable
        The ``update`` of an optimizer's class.
    dtype : str
        The dtype of theta.

    Returns
    -------
    numba dispatcher or None
        ``update(c, inverses(c), g, theta, *state)``, which returns the result and its doubt; where the doubt is set,
        the last bit of the result may be wrong. None if ``update`` has no such division, or if multiplying would not
        pay: in float32 a division costs little more than its replacement, and without a fused multiply-add far less.
    """
    if dtype != "float64" or not fuses():
        return None
    rewrite = _Rewrite()
    rewritten = in_numba(update, dtype, rewrite)
    return compile_part(rewritten) if rewrite.numbers else None


def fuses() -> bool:
    """Return whether this machine has a fused multiply-add instruction."""
    arm = platform.machine() in ("arm64", "aarch64")
    return arm or bool(llvmlite.binding.get_host_cpu_features().get("fma", False))


class _Rewrite(ast.NodeTransformer):
    """Replaces ``x / c.name``, where ``c`` is the first parameter, by a `quotient`, and returns the doubt as well."""

    def __init__(self) -> None:
        self.names = {"_quotient": quotient, "_doubtful": doubtful}
        self.numbers: list[str] = []
        self.divisors: list[str] = []
        self._c = ""
        self._before: list[ast.stmt] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._c = node.args.args[0].arg
        node.args.args.insert(1, ast.arg("_inverses"))
        body: list[ast.stmt] = []
        for statement in node.body:
            self._before = []
            rewritten = self.visit(statement)
            body += [*self._before, rewritten]
        node.body = body
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        by = node.right
        if not isinstance(node.op, ast.Div) or not isinstance(by, ast.Attribute) or ast.unparse(by.value) != self._c:
            return node
        x = f"_x{len(self.numbers)}"
        self._before.append(ast.Assign([ast.Name(x, ast.Store())], node.left))
        self.numbers.append(x)
        self.divisors.append(ast.unparse(by))
        return _expression(f"_quotient({x}, {ast.unparse(by)}, _inverses.{by.attr})")

    def visit_Return(self, node: ast.Return) -> ast.Return:
        self.generic_visit(node)
        assert node.value is not None
        if self.numbers:
            doubt = f"_doubtful(({', '.join(self.numbers)},), ({', '.join(self.divisors)},))"
            node.value = _expression(f"({ast.unparse(node.value)}, {doubt})")
        return node


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@intrinsic
def quotient(typingctx, x, divisor, inverse):
    """Return ``x / divisor`` (float64), given the rounded inverse of the divisor; right unless it is `doubtful`."""

    def build(context, builder, signature, args):
        x, b, r = args
        q = builder.fmul(x, r)
        # The signs of the terms are chosen so that a zero keeps its sign.
        remainder = builder.fma(q, b, builder.fneg(x))
        return builder.fma(builder.fneg(remainder), r, q)

    return types.float64(x, divisor, inverse), build


@intrinsic
def doubtful(typingctx, numbers, divisors):
    """Return whether a `quotient` of one of ``numbers`` by one of ``divisors`` may be wrong (tuples of float64)."""

    def build(context, builder, signature, args):
        sizes = [_size(builder, builder.extract_value(args[0], k)) for k in range(len(numbers))]
        # Minus one, so that zero wraps around to the largest integer and does not count as too small.
        least = _extreme(builder, "<", [builder.sub(size, size.type(1)) for size in sizes])
        doubts = [
            builder.icmp_unsigned("<", least, _bits(LEAST)),
            builder.icmp_unsigned(">", _extreme(builder, ">", sizes), _bits(MOST)),
        ]
        for k in range(len(divisors)):
            divisor = builder.extract_value(args[1], k)
            doubts.append(builder.fcmp_unordered("<", divisor, divisor.type(LEAST_DIVISOR)))
            doubts.append(builder.fcmp_unordered(">", divisor, divisor.type(MOST_DIVISOR)))
        return reduce(builder.or_, doubts)

    return types.boolean(numbers, divisors), build


def _size(builder, x):
    """Return the bits of the absolute value of ``x``: integers in the order of the values, with nan above all."""
    bits = builder.bitcast(x, ir.IntType(64))
    return builder.and_(bits, bits.type((1 << 63) - 1))


def _bits(x):
    return ir.IntType(64)(struct.unpack("<Q", struct.pack("<d", x))[0])


def _extreme(builder, order, values):
    return reduce(lambda a, b: builder.select(builder.icmp_unsigned(order, a, b), a, b), values)


@intrinsic
def inverses(typingctx, c):
    """Return the inverses of the fields of a named tuple of float64, under the same names."""

    def build(context, builder, signature, args):
        one = context.get_constant(types.float64, 1.0)
        values = [builder.fdiv(one, builder.extract_value(args[0], k)) for k in range(len(c))]
        return context.make_tuple(builder, c, values)

    return c(c), build
