"""What Numba lacks for running the leaves' functions as they stand.

Its language: NumPy's meaning of a literal and of functions such as ``where``, sums in the order of `adamlab.rules.reduction`,
and tuples of numbers. Nothing here knows an optimizer.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from adamlab.compiler.array_access import sum_of_block
from adamlab.compiler.compile_time import count_compilations
from adamlab.compiler.exp_tanh import exp, tanh
from adamlab.compiler.inlining import AS_PART, part
from adamlab.rules.reduction import BLOCK, LANES, squared_length, total
from adamlab.rules.underflow import SMALLEST_NORMAL

# NumPy's names for numbers, which are literals by another name.
CONSTANTS = {"np.pi": np.pi, "np.e": np.e}


@cache
def compile_function(function: Callable[..., Any]) -> Any:
    """Compile a function to be called from Python; see `compile_part`."""
    return count_compilations(numba.njit(error_model="numpy", _nrt=True)(function))


@cache
def compile_part(function: Callable[..., Any]) -> Any:
    """Compile, once for each function, what other compiled code calls and Python never does.

    With IEEE division (a zero divisor gives an infinity) and no fast-math; global values as they are now.
    """
    return compile_anew(function)


def compile_anew(function: Callable[..., Any]) -> Any:
    """`compile_part`, whether it has been compiled before or not."""
    # _nrt is said because a function would otherwise take over what `compile_loop` says of its caller.
    return part(function, error_model="numpy", _nrt=True)


def compile_loop(function: Callable[..., Any]) -> Any:
    """Compile a part that makes no array; it counts no references, which would be most of a short step."""
    return part(function, error_model="numpy", _nrt=False, forceinline=True)


@cache
def in_numba(function: Callable[..., Any], dtype: str = "float64", rewrite: Any = None) -> Callable[..., Any]:
    """``function``, written for NumPy, rewritten where Numba would mean something else by the same words.

    A float literal (also ``np.pi`` and ``np.e``) takes ``dtype``, as it does in NumPy beside an array of that dtype;
    Numba would carry the computation out in float64. A choice between numbers stays a number; Numba's ``np.where``
    makes an array of it. The plain functions it refers to, which Numba would refuse, are rewritten and compiled in the
    same way. And exp and tanh are those of `adamlab.compiler.exp_tanh`, which become vector code. ``rewrite`` is a transformer
    of syntax trees that comes first, and whose ``names`` the rewritten function can use.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        # Typed into a prompt, or a lambda: taken as it stands.
        return function
    names = {**function.__globals__, **REPLACEMENTS}
    if rewrite is not None:
        tree = ast.fix_missing_locations(rewrite.visit(tree))
        names |= rewrite.names
    number = np.dtype(dtype).type

    def in_dtype_of_arrays(node: ast.expr, value: float) -> ast.expr:
        name = f"_literal_{len(names)}"
        names[name] = number(value)
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    class Rewrite(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.expr:
            return in_dtype_of_arrays(node, node.value) if type(node.value) is float else node

        def visit_Name(self, node: ast.Name) -> ast.expr:
            value = names.get(node.id)
            if isinstance(value, FunctionType) and value not in (total, squared_length):
                names[node.id] = _compiled_beside(value, dtype)
            return node

        def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
            written = ast.unparse(node)
            if written in CONSTANTS:
                return in_dtype_of_arrays(node, CONSTANTS[written])
            name = written.replace("np.", "_numpy_")
            if name not in REPLACEMENTS:
                return self.generic_visit(node)  # type: ignore[return-value]
            return ast.copy_location(ast.Name(name, ast.Load()), node)

    tree.body[0].decorator_list = []  # type: ignore[attr-defined]
    exec(compile(Rewrite().visit(tree), inspect.getfile(function), "exec"), names)
    return names[function.__name__]  # type: ignore[no-any-return]


@cache
def _compiled_beside(function: Callable[..., Any], dtype: str) -> Any:
    return compile_part(in_numba(function, dtype))


def _where(condition: Any, x: Any, y: Any) -> Any:
    """`numpy.where`; compiled, it makes no array of a number."""
    return np.where(condition, x, y)


def _maximum(x: Any, y: Any) -> Any:
    """`numpy.maximum`; compiled, it is one instruction and a look whether ``y`` is nan."""
    return np.maximum(x, y)


def _minimum(x: Any, y: Any) -> Any:
    """`numpy.minimum`; see `_maximum`."""
    return np.minimum(x, y)


def _sign(x: Any) -> Any:
    """`numpy.sign`; compiled, it is one comparison."""
    return np.sign(x)


# What stands for NumPy's functions of these names.
REPLACEMENTS = {
    "_numpy_where": _where,
    "_numpy_maximum": _maximum,
    "_numpy_minimum": _minimum,
    "_numpy_sign": _sign,
    "_numpy_exp": exp,
    "_numpy_tanh": tanh,
}


@overload(_where, jit_options=AS_PART)
def _compiled_where(condition, x, y):
    if any(isinstance(kind, types.Array) for kind in (condition, x, y)):
        return lambda condition, x, y: np.where(condition, x, y)
    return lambda condition, x, y: x if condition else y


@overload(_maximum, jit_options=AS_PART)
def _compiled_maximum(x, y):
    if any(isinstance(kind, types.Array) for kind in (x, y)):
        return lambda x, y: np.maximum(x, y)
    # The processor's own instruction gives the second operand if either is nan or both are equal.
    return lambda x, y: y if y != y else (y if y > x else x)


@overload(_minimum, jit_options=AS_PART)
def _compiled_minimum(x, y):
    if any(isinstance(kind, types.Array) for kind in (x, y)):
        return lambda x, y: np.minimum(x, y)
    return lambda x, y: y if y != y else (y if y < x else x)


@overload(_sign, jit_options=AS_PART)
def _compiled_sign(x):
    if isinstance(x, types.Array):
        return lambda x: np.sign(x)
    zero, one = (getattr(np, x.name)(value) for value in (0, 1))
    # What is left is nan or a zero, of which NumPy's sign is the positive one.
    return lambda x: np.copysign(one, x) if x < zero or x > zero else x + zero


@overload(total, jit_options=AS_PART)
def _compiled_total(terms):
    def block_by_block(terms):
        sums = _sums_of_blocks(terms.ravel().astype(np.float64))
        while sums.size > 1:
            sums = _sums_of_blocks(sums)
        return sums[0]

    return block_by_block


@overload(squared_length, jit_options=AS_PART)
def _compiled_squared_length(x):
    def squares(x):
        wide = x.astype(np.float64)
        return total(wide * wide)

    return squares


@compile_part
def _sums_of_blocks(terms):
    sums = np.empty(max(1, (terms.size + BLOCK - 1) // BLOCK))
    padded = np.zeros(min(BLOCK, (terms.size + LANES - 1) // LANES * LANES))
    for b in range(sums.size):
        n = min(BLOCK, terms.size - b * BLOCK)
        for k in range(n):
            padded[k] = terms[b * BLOCK + k]
        sums[b] = sum_of_block(padded, pad(padded, n))
    return sums


@compile_part
def pad(x, n):
    """Set ``x`` to zero from ``n`` up to a whole number of lanes, and return that number of elements."""
    end = (n + LANES - 1) // LANES * LANES
    for k in range(n, end):
        x[k] = x.dtype.type(0)
    return end


@intrinsic
def in_dtype(typingctx, numbers, like):
    """A tuple of numbers, each rounded to the type of ``like``."""
    if isinstance(numbers, types.BaseNamedTuple):
        result = types.NamedUniTuple(like, len(numbers), numbers.instance_class)
    else:
        result = types.UniTuple(like, len(numbers))

    def build(context, builder, signature, args):
        values = (builder.extract_value(args[0], k) for k in range(len(numbers)))
        cast = [context.cast(builder, x, kind, like) for x, kind in zip(values, numbers, strict=True)]
        return context.make_tuple(builder, result, cast)

    return result(numbers, like), build


@intrinsic
def renamed(typingctx, numbers, like):
    """A tuple of numbers of one type, under the names of the named tuple ``like``."""
    result = types.NamedUniTuple(numbers[0], len(numbers), like.instance_class)

    def build(context, builder, signature, args):
        values = [builder.extract_value(args[0], k) for k in range(len(numbers))]
        return context.make_tuple(builder, result, values)

    return result(numbers, like), build


@intrinsic
def flushed(typingctx, numbers):
    """A tuple of numbers, with 0 for those that are subnormal."""

    def build(context, builder, signature, args):
        values = []
        for k in range(len(numbers)):
            x = builder.extract_value(args[0], k)
            size = builder.call(builder.module.declare_intrinsic("llvm.fabs", [x.type]), [x])
            subnormal = builder.fcmp_ordered("<", size, x.type(SMALLEST_NORMAL))
            values.append(builder.select(subnormal, x.type(0.0), x))
        return context.make_tuple(builder, numbers, values)

    return numbers(numbers), build
