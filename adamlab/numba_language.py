"""What Numba lacks for running the leaves' functions as they stand.

Its language: NumPy's meaning of a literal and of ``where``, and tuples of arrays taken element by element. Nothing
here knows an optimizer.
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
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from adamlab.elementary import exp, tanh
from adamlab.kernel_part import AS_PART, part
from adamlab.reduction import BLOCK, LANES, squared_length, total
from adamlab.subnormal import SMALLEST_NORMAL

# NumPy's names for numbers, which are literals by another name.
CONSTANTS = {"np.pi": np.pi, "np.e": np.e}


@cache
def compile_function(function: Callable[..., Any]) -> Any:
    """Compile a function to be called from Python; see `compile_part`."""
    return numba.njit(error_model="numpy", _nrt=True)(function)


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
    same way. And exp and tanh are those of `adamlab.elementary`, which become vector code. ``rewrite`` is a transformer
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


@intrinsic
def align_stack(typingctx):
    """Have a kernel keep what does not fit into registers at the beginnings of lines of the cache.

    Where it lies otherwise is decided anew in each process, and a loop over vectors of 64 bytes, each across two lines,
    was seen to take a third longer in every other one.
    """

    def build(context, builder, signature, args):
        # llvmlite writes an alignment beside another attribute only.
        builder.function.attributes.add("nounwind")
        builder.function.attributes.alignstack = 64
        return context.get_dummy_value()

    return types.none(), build


def _loader(first_scope):
    """``load(arrays, i)``: the tuple of ``a[i]`` for each of ``arrays``, which overlap no others in use."""

    @intrinsic
    def load(typingctx, arrays, i):
        result = types.Tuple([a.dtype for a in arrays])

        def build(context, builder, signature, args):
            values = []
            for k in range(len(arrays)):
                value = builder.load(_element(context, builder, arrays, args, k))
                _mark_distinct(builder, value, first_scope + k)
                values.append(value)
            return context.make_tuple(builder, result, values)

        return result(arrays, i), build

    return load


def _storer(first_scope):
    """``store(arrays, i, values)``: assign ``arrays[k][i] = values[k]`` for each of ``values``; see `_loader`."""

    @intrinsic
    def store(typingctx, arrays, i, values):
        def build(context, builder, signature, args):
            for k in range(len(values)):
                value = context.cast(builder, builder.extract_value(args[2], k), values[k], arrays[k].dtype)
                instruction = builder.store(value, _element(context, builder, arrays, args, k))
                _mark_distinct(builder, instruction, first_scope + k)
            return context.get_dummy_value()

        return types.none(arrays, i, values), build

    return store


# Four groups of arrays that overlap none of each other's, by what a loop does with them.
GROUP = 24
SCOPES = 4 * GROUP
load, store = _loader(0), _storer(0)
load_common, store_common = _loader(GROUP), _storer(GROUP)
load_carry, store_carry = _loader(2 * GROUP), _storer(2 * GROUP)
load_scratch, store_scratch = _loader(3 * GROUP), _storer(3 * GROUP)


def _block_sum(term):
    """``sum(x, n)``: the sum of ``term(builder, x_k)`` over ``x[:n]``, in float64 and the order of `adamlab.reduction`.

    ``n`` is a multiple of LANES. One vector of LANES numbers adds up, and is then halved until one number is left: the
    compiler splits it into whatever the machine has, without reordering.
    """
    double, index = ir.DoubleType(), ir.IntType(32)

    def halves(builder, vector, width):
        for first in (0, width // 2):
            places = ir.Constant(ir.VectorType(index, width // 2), list(range(first, first + width // 2)))
            yield builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), places)

    @intrinsic
    def block_sum(typingctx, x, n):
        wide = ir.VectorType(double, LANES)

        def build(context, builder, signature, args):
            element = context.get_data_type(x.dtype)
            source = _data_as(context, builder, x, args[0], ir.VectorType(element, LANES))
            partial = cgutils.alloca_once_value(builder, ir.Constant(wide, [0.0] * LANES))
            with cgutils.for_range(builder, builder.udiv(args[1], args[1].type(LANES))) as loop:
                value = _aligned(builder.load(builder.gep(source, [loop.index])), x.dtype.bitwidth // 8)
                if element != double:
                    value = builder.fpext(value, wide)
                builder.store(builder.fadd(builder.load(partial), term(builder, value)), partial)
            vector, width = builder.load(partial), LANES
            while width > 1:
                low, high = halves(builder, vector, width)
                vector, width = builder.fadd(low, high), width // 2
            return builder.extract_element(vector, index(0))

        return types.float64(x, n), build

    return block_sum


@intrinsic
def sum_of_few(typingctx, x, n):
    """The sum of the first ``n`` of ``x``, at most LANES, in the order of `adamlab.reduction`; they are lost.

    The lanes are halved as in `_block_sum`, but in place and only as far as there are numbers. They are read as they
    have been written, most in fours and the rest one by one: a wider read would wait for all that was written before.
    """
    index = ir.IntType(64)

    def add_all(builder, data, begin, end, away, width):
        kind = ir.DoubleType() if width == 1 else ir.VectorType(ir.DoubleType(), width)
        with cgutils.for_range_slice(builder, begin, end, index(width)) as (k, _):
            low, high = (
                builder.bitcast(builder.gep(data, [place]), kind.as_pointer()) for place in (k, builder.add(k, away))
            )
            term, other = (_aligned(builder.load(place), 8) for place in (low, high))
            _aligned(builder.store(builder.fadd(term, other), low), 8)

    def build(context, builder, signature, args):
        data = context.make_array(x)(context, builder, args[0]).data
        left, width = cgutils.alloca_once_value(builder, args[1]), LANES // 2
        while width:
            half = index(width)
            more = builder.sub(builder.load(left), half)
            with builder.if_then(builder.icmp_signed(">", more, index(0))):
                fours = builder.and_(more, index(-4)) if width >= 4 else index(0)
                if width >= 4:
                    add_all(builder, data, index(0), fours, half, 4)
                add_all(builder, data, fours, more, half, 1)
                builder.store(half, left)
            width //= 2
        return builder.load(data)

    return types.float64(x, n), build


sum_of_block = _block_sum(lambda _, x: x)
sum_of_squares = _block_sum(lambda builder, x: builder.fmul(x, x))


def _element(context, builder, arrays, args, k):
    array = context.make_array(arrays[k])(context, builder, builder.extract_value(args[0], k))
    return cgutils.get_item_pointer(context, builder, arrays[k], array, [args[1]], wraparound=False)


def _data_as(context, builder, kind, value, element):
    return builder.bitcast(context.make_array(kind)(context, builder, value).data, element.as_pointer())


def _aligned(instruction, size):
    instruction.align = size
    return instruction


def _mark_distinct(builder, instruction, scope):
    """Tell LLVM that what lies in ``scope`` overlaps what lies in no other (its alias.scope metadata)."""
    module = builder.module
    domain = module.add_metadata(["adamlab"])
    scopes = [module.add_metadata([f"array {k}", domain]) for k in range(SCOPES)]
    instruction.set_metadata("alias.scope", module.add_metadata([scopes[scope]]))
    instruction.set_metadata("noalias", module.add_metadata([other for k, other in enumerate(scopes) if k != scope]))
