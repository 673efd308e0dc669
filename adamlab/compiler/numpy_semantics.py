"""NumPy's semantics in compiled code: what is needed to compile the leaves' functions as they are written.

Numba gives another meaning to float literals and to functions such as ``where``, and it lacks sums in the order of
`adamlab.rules.reduction` and conversions of tuples of numbers. This module supplies them. It also holds the functions
that compile a kernel's parts.
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

# NumPy's constants, which are treated as literals.
CONSTANTS = {"np.pi": np.pi, "np.e": np.e}


@cache
def compile_function(function: Callable[..., Any]) -> Any:
    """Compile, once for each function, what Python calls; the options are those of `compile_part`.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    numba dispatcher
        The compiled function, whose compile time is counted in `adamlab.compiler.compile_time`.
    """
    return count_compilations(numba.njit(error_model="numpy", no_cfunc_wrapper=True, _nrt=True)(function))


def compile_kernel(*, makes_arrays: bool) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a kernel, which Python calls and which runs without Python's lock.

    Parameters
    ----------
    makes_arrays : bool
        Whether the kernel makes arrays. A kernel that does not counts no references.

    Returns
    -------
    callable
    """
    return numba.njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True, _nrt=makes_arrays)  # type: ignore[no-any-return]


@cache
def compile_part(function: Callable[..., Any]) -> Any:
    """Compile, once for each function, what only other compiled code calls.

    Parameters
    ----------
    function : callable
        The function. Global values that it reads are frozen when it is compiled.

    Returns
    -------
    numba dispatcher
        The part, with IEEE division (a zero divisor gives an infinity) and without fast-math.
    """
    return compile_anew(function)


def compile_anew(function: Callable[..., Any]) -> Any:
    """Compile a part as `compile_part` does, but again if the function has been compiled before."""
    # _nrt is given because a function would otherwise inherit the option of its caller, which `compile_loop` sets.
    return part(function, error_model="numpy", _nrt=True)


def compile_loop(function: Callable[..., Any]) -> Any:
    """Compile a part that creates no array, without reference counting, which would take most of a short step."""
    return part(function, error_model="numpy", _nrt=False, forceinline=True)


@cache
def in_numba(function: Callable[..., Any], dtype: str = "float64", rewrite: Any = None) -> Callable[..., Any]:
    """Rewrite a function written for NumPy so that Numba compiles it with the same meaning.

    Parameters
    ----------
    function : callable
        The function.
    dtype : str
        The dtype of the arrays that it is for.
    rewrite : ast.NodeTransformer, optional
        A transformer that is applied first; the rewritten function can use the names in its ``names``.

    Returns
    -------
    function
        The rewritten function; ``function`` itself if it has no source, or none that can be parsed alone.

    Notes
    -----
    A float literal (also ``np.pi`` and ``np.e``) takes ``dtype``, as it does in NumPy beside an array of that dtype;
    Numba would compute in float64. ``np.where`` between numbers gives a number; Numba's gives an array. The plain
    functions that ``function`` calls, which Numba would refuse, are rewritten and compiled in the same way. exp and
    tanh are those of `adamlab.compiler.exp_tanh`, which can be vectorised.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        # A function typed into a prompt, or a lambda, is left as it is.
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
    """Return `numpy.where`; compiled, a choice between numbers is a number, not an array."""
    return np.where(condition, x, y)


def _maximum(x: Any, y: Any) -> Any:
    """Return `numpy.maximum`; compiled, it is one instruction and a test whether ``y`` is nan."""
    return np.maximum(x, y)


def _minimum(x: Any, y: Any) -> Any:
    """Return `numpy.minimum`; see `_maximum`."""
    return np.minimum(x, y)


def _sign(x: Any) -> Any:
    """Return `numpy.sign`; compiled, it is one comparison."""
    return np.sign(x)


# The functions that replace NumPy's; the part of the name after ``_numpy_`` is NumPy's name.
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
    # The processor's instruction returns the second operand if either is nan or both are equal.
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
    # The last case is nan or a zero; the sign of either zero is the positive zero in NumPy.
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
    """Set ``x`` to zero from ``n`` up to the next multiple of LANES, and return that multiple."""
    end = (n + LANES - 1) // LANES * LANES
    for k in range(n, end):
        x[k] = x.dtype.type(0)
    return end


@intrinsic
def in_dtype(typingctx, numbers, like):
    """Return a tuple of numbers, each rounded to the type of ``like``."""
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
    """Return a tuple of numbers of one type as a named tuple with the names of ``like``."""
    result = types.NamedUniTuple(numbers[0], len(numbers), like.instance_class)

    def build(context, builder, signature, args):
        values = [builder.extract_value(args[0], k) for k in range(len(numbers))]
        return context.make_tuple(builder, result, values)

    return result(numbers, like), build


@intrinsic
def flushed(typingctx, numbers):
    """Return a tuple of numbers, with 0 in place of those that are subnormal."""

    def build(context, builder, signature, args):
        values = []
        for k in range(len(numbers)):
            x = builder.extract_value(args[0], k)
            size = builder.call(builder.module.declare_intrinsic("llvm.fabs", [x.type]), [x])
            subnormal = builder.fcmp_ordered("<", size, x.type(SMALLEST_NORMAL))
            values.append(builder.select(subnormal, x.type(0.0), x))
        return context.make_tuple(builder, numbers, values)

    return numbers(numbers), build
