"""The numba backend: an optimizer's rule and an objective's gradient compiled into one loop.

Nothing here knows a method. A kernel is built around the leaf's own ``coefficients``, ``update`` and ``gradient``,
compiled without any relaxation of floating-point rules, and kept on disk in a folder named after the hash of the
sources it was made from: another process loads it, and no edit can leave a stale one in use.

Why it is fast: the step-dependent scalars cost two multiplications (running powers, no ``pow``); the loop over
coordinates has no branch, and its loads and stores are marked as never overlapping, so it becomes vector code; the
squared length of the step is added up in `adamlab.reduction`'s fixed order from a block that is still in cache.
"""

import ast
import inspect
import math
import textwrap
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from adamlab.backends import Array, advance_by_calls, first_carry, goes_on, objective_data, state_names
from adamlab.fingerprint import fingerprint
from adamlab.kernel_cache import keep_on_disk
from adamlab.reduction import LANES

# Coordinates per block: the block's step lengths stay in the first-level cache until they are added up.
BLOCK = 2048


def compile_function(function: Callable[..., Any]) -> Any:
    """Compile with IEEE division (a zero divisor gives an infinity) and no fast-math."""
    return numba.njit(error_model="numpy")(function)


# -- NumPy's meaning for Numba --------------------------------------------------------------------------------------


def in_numba(function: Callable[..., Any], dtype: str = "float64") -> Callable[..., Any]:
    """``function``, written for NumPy, rewritten where Numba would mean something else by the same words.

    A float literal takes ``dtype``, as it does in NumPy beside an array of that dtype; Numba would carry the
    computation out in float64. And a choice between numbers stays a number; Numba's ``np.where`` makes an array of it.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
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
                return node
            return ast.copy_location(ast.Name("_where", ast.Load()), node)

    tree.body[0].decorator_list = []  # type: ignore[attr-defined]
    exec(compile(Rewrite().visit(tree), inspect.getfile(function), "exec"), names)
    return names[function.__name__]  # type: ignore[no-any-return]


def _where(condition: Any, x: Any, y: Any) -> Any:
    """`numpy.where`; compiled, it makes no array of a number."""
    return np.where(condition, x, y)


@overload(_where)  # type: ignore[untyped-decorator, unused-ignore]
def _compiled_where(condition, x, y):  # type: ignore[no-untyped-def]
    if any(isinstance(kind, types.Array) for kind in (condition, x, y)):
        return lambda condition, x, y: np.where(condition, x, y)
    return lambda condition, x, y: x if condition else y


# -- what numba's language lacks: tuples of arrays, element by element ------------------------------------------


@intrinsic
def in_dtype(typingctx, numbers, like):  # type: ignore[no-untyped-def]
    """A tuple of numbers, each rounded to the type of ``like``."""
    if isinstance(numbers, types.BaseNamedTuple):
        result = types.NamedUniTuple(like, len(numbers), numbers.instance_class)
    else:
        result = types.UniTuple(like, len(numbers))

    def build(context, builder, signature, args):  # type: ignore[no-untyped-def]
        values = (builder.extract_value(args[0], k) for k in range(len(numbers)))
        cast = [context.cast(builder, x, kind, like) for x, kind in zip(values, numbers, strict=True)]
        return context.make_tuple(builder, result, cast)

    return result(numbers, like), build


@intrinsic
def load(typingctx, arrays, i):  # type: ignore[no-untyped-def]
    """The tuple of ``a[i]`` for each of ``arrays``, which must not overlap."""
    result = types.Tuple([a.dtype for a in arrays])

    def build(context, builder, signature, args):  # type: ignore[no-untyped-def]
        values = []
        for k in range(len(arrays)):
            value = builder.load(_element(context, builder, arrays, args, k))
            _mark_distinct(builder, value, k, len(arrays))
            values.append(value)
        return context.make_tuple(builder, result, values)

    return result(arrays, i), build


@intrinsic
def store(typingctx, arrays, i, values):  # type: ignore[no-untyped-def]
    """Assign ``arrays[k][i] = values[k]`` for each of ``values``; the arrays must not overlap."""

    def build(context, builder, signature, args):  # type: ignore[no-untyped-def]
        for k in range(len(values)):
            value = context.cast(builder, builder.extract_value(args[2], k), values[k], arrays[k].dtype)
            instruction = builder.store(value, _element(context, builder, arrays, args, k))
            _mark_distinct(builder, instruction, k, len(arrays))
        return context.get_dummy_value()

    return types.none(arrays, i, values), build


@intrinsic
def add_squares(typingctx, lanes, x, n):  # type: ignore[no-untyped-def]
    """Add the squares of ``x[:n]`` to ``lanes``, in float64; ``n`` is a multiple of LANES.

    One vector of LANES numbers: the compiler splits it into whatever the machine has, without reordering.
    """
    double = ir.DoubleType()
    vector = ir.VectorType(double, LANES)

    def build(context, builder, signature, args):  # type: ignore[no-untyped-def]
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


def _element(context, builder, arrays, args, k):  # type: ignore[no-untyped-def]
    array = context.make_array(arrays[k])(context, builder, builder.extract_value(args[0], k))
    return cgutils.get_item_pointer(context, builder, arrays[k], array, [args[1]], wraparound=False)


def _data_as(context, builder, kind, value, element):  # type: ignore[no-untyped-def]
    return builder.bitcast(context.make_array(kind)(context, builder, value).data, element.as_pointer())


def _aligned(instruction, size):  # type: ignore[no-untyped-def]
    instruction.align = size
    return instruction


def _mark_distinct(builder, instruction, k, count):  # type: ignore[no-untyped-def]
    """Tell LLVM that array ``k`` of ``count`` overlaps none of the others (its alias.scope metadata)."""
    module = builder.module
    domain = module.add_metadata(["adamlab"])
    scopes = [module.add_metadata([f"array {j}", domain]) for j in range(count)]
    instruction.set_metadata("alias.scope", module.add_metadata([scopes[k]]))
    instruction.set_metadata("noalias", module.add_metadata([scope for j, scope in enumerate(scopes) if j != k]))


# -- kernels ------------------------------------------------------------------------------------------------------


@compile_function
def _begin_sum(lanes):  # type: ignore[no-untyped-def]
    for k in range(LANES):
        lanes[k] = 0.0


@compile_function
def _add_block(lanes, moved, n, zero):  # type: ignore[no-untyped-def]
    padded = (n + LANES - 1) // LANES * LANES
    for k in range(n, padded):
        moved[k] = zero
    add_squares(lanes, moved, padded)


@compile_function
def _end_sum(lanes):  # type: ignore[no-untyped-def]
    width = LANES // 2
    while width:
        for k in range(width):
            lanes[k] += lanes[k + width]
        width //= 2
    return lanes[0]


def _sweep(update: Any, gradient: Any, n_state: int) -> Any:
    """One step over all coordinates of ``arrays``: theta, the state, then what the gradient of one needs."""
    update, gradient = compile_function(in_numba(update)), compile_function(gradient)
    last = n_state + 1

    @compile_function
    def sweep(c, p, arrays, lanes, moved):  # type: ignore[no-untyped-def]
        size, zero = arrays[0].size, arrays[0].dtype.type(0)
        _begin_sum(lanes)
        for start in range(0, size, BLOCK):
            n = min(BLOCK, size - start)
            for i in range(start, start + n):
                row = load(arrays, i)
                new = update(c, gradient(p, row[0], *row[last:]), *row[:last])
                store(arrays, i, new)
                moved[i - start] = new[0] - row[0]
            _add_block(lanes, moved, n, zero)
        return _end_sum(lanes)

    return sweep


def _given(p, x, g):  # type: ignore[no-untyped-def]
    """The gradient of one coordinate when it stands in an array."""
    return g


@cache
def _step_kernel(optimizer: type[Any]) -> Any:
    """``step(h, carry, t, arrays, lanes, moved)``: one step, the gradient being the last of ``arrays``."""
    hyperparameters, coefficients = _record(optimizer), compile_function(optimizer.coefficients)
    sweep = _sweep(optimizer.update, _given, len(state_names(optimizer)))

    @compile_function
    def step(h, carry, t, arrays, lanes, moved):  # type: ignore[no-untyped-def]
        c, carry = coefficients(hyperparameters(h), t, *carry)
        return sweep(in_dtype(c, arrays[0].dtype.type(0)), (), arrays, lanes, moved), carry

    return keep_on_disk(step, f"step-{optimizer.__name__}", fingerprint(__name__, optimizer.__module__))


@cache
def _advance_kernel(optimizer: type[Any], gradient: "_Gradient") -> Any:
    """``advance(h, p, carry, t, until, tol_sq, arrays, data, lanes, moved)``: steps until one of the ends."""
    hyperparameters, coefficients = _record(optimizer), compile_function(optimizer.coefficients)
    parameters, keep_going = _record(gradient.owner), compile_function(goes_on)
    fill = compile_function(_nothing) if gradient.separable else _fill(gradient.function)
    of_one = gradient.function if gradient.separable else _given
    sweep = _sweep(optimizer.update, of_one, len(state_names(optimizer)))

    @compile_function
    def advance(h, p, carry, t, until, tol_sq, arrays, data, lanes, moved):  # type: ignore[no-untyped-def]
        step_sq, zero = math.nan, arrays[0].dtype.type(0)
        h_named, p_named = hyperparameters(h), parameters(in_dtype(p, zero))
        while t < until:
            t += 1
            c, carry = coefficients(h_named, t, *carry)
            fill(p_named, arrays, data)
            step_sq = sweep(in_dtype(c, zero), p_named, arrays, lanes, moved)
            if not keep_going(step_sq, tol_sq):
                break
        return t, step_sq, carry

    if gradient.owner is None:
        return advance
    version = fingerprint(__name__, optimizer.__module__, gradient.owner.__module__)
    return keep_on_disk(advance, f"advance-{optimizer.__name__}-{gradient.owner.__name__}", version)


def _nothing(p, arrays, data):  # type: ignore[no-untyped-def]
    pass


def _fill(gradient: Any) -> Any:
    """Evaluate the gradient of all coordinates into the last of ``arrays``."""
    gradient = compile_function(gradient)

    @compile_function
    def fill(p, arrays, data):  # type: ignore[no-untyped-def]
        arrays[-1][:] = gradient(p, arrays[0], *data)

    return fill


def _record(cls: type[Any] | None) -> Any:
    """A compiled constructor of a named tuple with the numeric parameters of ``cls``; () if it has none."""
    names = parameter_names(cls)
    if not names:
        return compile_function(lambda values: ())
    named = namedtuple(cls.__name__, names)  # type: ignore[misc, union-attr]
    return compile_function(lambda values: named(*values))


@cache
def parameter_names(cls: type[Any] | None) -> tuple[str, ...]:
    """The fields of a leaf that are its own numbers: all but the dimension, the start and the dtype."""
    own = () if cls is None else fields(cls)
    return tuple(field.name for field in own if field.name not in ("dim", "x0", "dtype"))


def _numbers(leaf: Any) -> tuple[float, ...]:
    return tuple(float(getattr(leaf, name)) for name in parameter_names(type(leaf)))


@dataclass(frozen=True)
class _Gradient:
    """An objective's gradient as a function of (parameters, x, *data), and the class it belongs to, if any."""

    owner: type[Any] | None
    function: Callable[..., Any]
    separable: bool


@cache
def _gradient_of_leaf(cls: type[Any], dtype: str) -> _Gradient:
    return _Gradient(cls, in_numba(cls.gradient, dtype), cls.separable)


@cache
def _gradient_of_user(function: Callable[..., Any]) -> _Gradient:
    compiled = compile_function(function)
    return _Gradient(None, lambda p, x: compiled(x), separable=False)


# Users' gradients that Numba has refused.
_not_compilable: set[Callable[..., Any]] = set()


def _gradient(objective: Any) -> _Gradient | None:
    """What to compile for an objective's gradient, or None if it can only be called."""
    if inspect.ismethod(objective.gradient):
        return _gradient_of_leaf(type(objective), objective.dtype)
    return None if objective.gradient in _not_compilable else _gradient_of_user(objective.gradient)


class NumbaStepper:
    """The rule in compiled loops (see `adamlab.backends.Stepper`)."""

    def __init__(self, optimizer: Any, objective: Any, theta0: Array) -> None:
        self.t = 0
        self.step_sq = math.nan
        self._shape = theta0.shape
        self._optimizer, self._objective = type(optimizer), objective
        self._h = _numbers(optimizer)
        self._carry = first_carry(type(optimizer))
        theta = np.array(theta0).ravel()
        self._arrays = (theta, *(np.zeros_like(theta) for _ in state_names(type(optimizer))))
        self._lanes, self._moved = np.empty(LANES), np.empty(BLOCK, theta.dtype)

    @property
    def theta(self) -> Array:
        return self._arrays[0].reshape(self._shape).copy()

    def step(self, gradient: Array) -> None:
        self.t += 1
        arrays = (*self._arrays, np.ascontiguousarray(gradient, self._moved.dtype).ravel())
        kernel = _step_kernel(self._optimizer)
        self.step_sq, self._carry = kernel(self._h, self._carry, self.t, arrays, self._lanes, self._moved)

    def advance(self, until: int, tol_sq: float) -> None:
        gradient = _gradient(self._objective)
        if gradient is None or len(self._shape) != 1:
            return advance_by_calls(self, lambda: self._objective.gradient(self.theta), until, tol_sq)
        data = objective_data(self._objective)
        beside, whole = (data, ()) if gradient.separable else ((np.empty_like(self._arrays[0]),), data)
        arrays, p = (*self._arrays, *beside), () if gradient.owner is None else _numbers(self._objective)
        try:
            self.t, self.step_sq, self._carry = _advance_kernel(self._optimizer, gradient)(
                self._h, p, self._carry, self.t, until, tol_sq, arrays, whole, self._lanes, self._moved
            )
        except numba.errors.NumbaError:
            if gradient.owner is not None:
                raise
            _not_compilable.add(self._objective.gradient)
            self.advance(until, tol_sq)
