"""What Numba lacks for running the leaves' functions as they stand.

Its language: NumPy's meaning of a literal and of ``where``, and tuples of arrays taken element by element. Nothing
here knows an optimizer.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from adamlab.reduction import LANES, squared_length, total


def compile_function(function: Callable[..., Any]) -> Any:
    """Compile with IEEE division (a zero divisor gives an infinity) and no fast-math."""
    return numba.njit(error_model="numpy")(function)


def in_numba(function: Callable[..., Any], dtype: str = "float64") -> Callable[..., Any]:
    """``function``, written for NumPy, rewritten where Numba would mean something else by the same words.

    A float literal takes ``dtype``, as it does in NumPy beside an array of that dtype; Numba would carry the
    computation out in float64. And a choice between numbers stays a number; Numba's ``np.where`` makes an array of it.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        # Typed into a prompt, or a lambda: taken as it stands.
        return function
    names = {**function.__globals__, "_where": _where}
    number = np.dtype(dtype).type

    class Rewrite(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.expr:
            if type(node.value) is not float:
                return node
            name = f"_literal_{len(names)}"
            names[name] = number(node.value)
            return ast.copy_location(ast.Name(name, ast.Load()), node)

        def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
            if ast.unparse(node) != "np.where":
                return self.generic_visit(node)  # type: ignore[return-value]
            return ast.copy_location(ast.Name("_where", ast.Load()), node)

    tree.body[0].decorator_list = []  # type: ignore[attr-defined]
    exec(compile(Rewrite().visit(tree), inspect.getfile(function), "exec"), names)
    return names[function.__name__]  # type: ignore[no-any-return]


def _where(condition: Any, x: Any, y: Any) -> Any:
    """`numpy.where`; compiled, it makes no array of a number."""
    return np.where(condition, x, y)


@overload(_where)
def _compiled_where(condition, x, y):
    if any(isinstance(kind, types.Array) for kind in (condition, x, y)):
        return lambda condition, x, y: np.where(condition, x, y)
    return lambda condition, x, y: x if condition else y


@overload(total)
def _compiled_total(terms):
    def lanes_then_tree(terms):
        flat = terms.ravel()
        lanes = np.zeros(LANES)
        whole = flat.size // LANES * LANES
        for start in range(0, whole, LANES):
            for k in range(LANES):
                lanes[k] += flat[start + k]
        for k in range(flat.size - whole):
            lanes[k] += flat[whole + k]
        return sum_of_lanes(lanes)

    return lanes_then_tree


@overload(squared_length)
def _compiled_squared_length(x):
    def squares(x):
        wide = x.astype(np.float64)
        return total(wide * wide)

    return squares


@compile_function
def sum_of_lanes(lanes):
    """The sum of LANES numbers as a balanced tree; overwrites them."""
    width = LANES // 2
    while width:
        for k in range(width):
            lanes[k] += lanes[k + width]
        width //= 2
    return lanes[0]


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
def load(typingctx, arrays, i):
    """The tuple of ``a[i]`` for each of ``arrays``, which must not overlap."""
    result = types.Tuple([a.dtype for a in arrays])

    def build(context, builder, signature, args):
        values = []
        for k in range(len(arrays)):
            value = builder.load(_element(context, builder, arrays, args, k))
            _mark_distinct(builder, value, k, len(arrays))
            values.append(value)
        return context.make_tuple(builder, result, values)

    return result(arrays, i), build


@intrinsic
def store(typingctx, arrays, i, values):
    """Assign ``arrays[k][i] = values[k]`` for each of ``values``; the arrays must not overlap."""

    def build(context, builder, signature, args):
        for k in range(len(values)):
            value = context.cast(builder, builder.extract_value(args[2], k), values[k], arrays[k].dtype)
            instruction = builder.store(value, _element(context, builder, arrays, args, k))
            _mark_distinct(builder, instruction, k, len(arrays))
        return context.get_dummy_value()

    return types.none(arrays, i, values), build


@intrinsic
def add_squares(typingctx, lanes, x, n):
    """Add the squares of ``x[:n]`` to ``lanes``, in float64; ``n`` is a multiple of LANES.

    One vector of LANES numbers: the compiler splits it into whatever the machine has, without reordering.
    """
    double = ir.DoubleType()
    vector = ir.VectorType(double, LANES)

    def build(context, builder, signature, args):
        element = context.get_data_type(x.dtype)
        accumulator = _data_as(context, builder, lanes, args[0], vector)
        source = _data_as(context, builder, x, args[1], ir.VectorType(element, LANES))
        partial = cgutils.alloca_once_value(builder, _aligned(builder.load(accumulator), 8))
        blocks = builder.udiv(args[2], args[2].type(LANES))
        with cgutils.for_range(builder, blocks) as loop:
            value = _aligned(builder.load(builder.gep(source, [loop.index])), x.dtype.bitwidth // 8)
            if element != double:
                value = builder.fpext(value, vector)
            builder.store(builder.fadd(builder.load(partial), builder.fmul(value, value)), partial)
        _aligned(builder.store(builder.load(partial), accumulator), 8)
        return context.get_dummy_value()

    return types.none(lanes, x, n), build


def _element(context, builder, arrays, args, k):
    array = context.make_array(arrays[k])(context, builder, builder.extract_value(args[0], k))
    return cgutils.get_item_pointer(context, builder, arrays[k], array, [args[1]], wraparound=False)


def _data_as(context, builder, kind, value, element):
    return builder.bitcast(context.make_array(kind)(context, builder, value).data, element.as_pointer())


def _aligned(instruction, size):
    instruction.align = size
    return instruction


def _mark_distinct(builder, instruction, k, count):
    """Tell LLVM that array ``k`` of ``count`` overlaps none of the others (its alias.scope metadata)."""
    module = builder.module
    domain = module.add_metadata(["adamlab"])
    scopes = [module.add_metadata([f"array {j}", domain]) for j in range(count)]
    instruction.set_metadata("alias.scope", module.add_metadata([scopes[k]]))
    instruction.set_metadata("noalias", module.add_metadata([scope for j, scope in enumerate(scopes) if j != k]))
