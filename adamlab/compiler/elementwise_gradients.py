"""Users' gradients that act on each coordinate separately: recognise them and write them down for one coordinate.

A gradient such as ``lambda x: 2.0 * x`` is written for whole arrays. If every operation in it is elementwise, the
same operations on one coordinate are compiled into the loop, like the gradient of a separable leaf, and no array has
to be filled and read again. The function is not called but analysed, in Numba's intermediate representation. It must
be straight-line code of arithmetic, comparisons and the functions below, applied to theta and to numbers. With
anything else in it (an index, an attribute of an array, a sum, a branch, a call of another function) it does not
count as elementwise.

The operations give the same bits as NumPy's on an array of theta's dtype, except for functions that libraries
compute, whose last bits may differ (powers other than squares, roots and reciprocals are among these). A Python
number takes the dtype of the array. With a NumPy number of higher precision, which would widen the array, the
function does not count as elementwise.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba.core import ir
from numba.core.compiler import run_frontend

from adamlab.compiler.numpy_semantics import REPLACEMENTS

ARITHMETIC = {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/"}
COMPARISONS = {
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
    operator.eq: "==",
    operator.ne: "!=",
}
LOGIC = {operator.and_: "&", operator.or_: "|", operator.xor: "^"}
# NumPy's functions for these operators.
OPERATORS: dict[Any, Callable[..., Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.divide: operator.truediv,
    np.power: operator.pow,
    np.negative: operator.neg,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
    np.logical_and: operator.and_,
    np.logical_or: operator.or_,
}
# Functions of floating-point numbers that Numba compiles with NumPy's meaning.
FUNCTIONS = {
    getattr(np, name): name
    for name in (
        "abs", "fabs", "sign", "sqrt", "minimum", "maximum", "arctan2", "hypot", "copysign",
        "exp", "expm1", "exp2", "log", "log1p", "log2", "log10",
        "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
    )
}  # fmt: skip
POWERS = {
    -1: "one / {0}",
    0.5: "np.sqrt({0})",
    1: "{0}",
    2: "{0} * {0}",
    3: "{0} * {0} * {0}",
    4: "({0} * {0}) * ({0} * {0})",
}
NAMED_POWERS = {np.square: 2, np.reciprocal: -1}


@dataclass(frozen=True)
class Coordinate:
    """A gradient on one coordinate ``x``, as source code.

    Attributes
    ----------
    statements : tuple of str
        Assignments, one operation each; they read ``x`` and the numbers ``p``.
    result : str
        Name of the variable that holds the gradient.
    """

    statements: tuple[str, ...]
    result: str

    def function(self, dtype: str) -> Callable[..., Any]:
        """Return the gradient as a Python function ``gradient(p, x, t, draw)``, to be compiled for ``dtype``."""
        lines = "\n ".join((*self.statements, f"return {self.result}"))
        number = np.dtype(dtype).type
        names: dict[str, Any] = {"np": np, "one": number(1), "zero": number(0), **REPLACEMENTS}
        exec(f"def gradient(p, x, t, draw):\n {lines}", names)
        return names["gradient"]  # type: ignore[no-any-return]


def coordinate_of(function: FunctionType, dtype: str) -> tuple[Coordinate, tuple[float, ...]] | None:
    """Return what a user's gradient does to one coordinate, if it is elementwise.

    Parameters
    ----------
    function : function
        The gradient, a plain Python function of an array.
    dtype : str
        The dtype of theta.

    Returns
    -------
    tuple of (Coordinate, tuple of float), or None
        The operations on one coordinate and the numbers ``p`` that they use; None if the gradient is not elementwise.
    """
    try:
        code = run_frontend(function)
    except (numba.errors.NumbaError, NotImplementedError):
        return None
    defaults = function.__defaults__ or ()
    if len(code.blocks) != 1 or code.arg_count != 1 + len(defaults):
        return None
    reading = _Reading(np.dtype(dtype), defaults)
    try:
        with np.errstate(all="ignore"):
            result = reading.follow(next(iter(code.blocks.values())).body)
    except (_NotElementwise, ArithmeticError):
        return None
    return Coordinate(tuple(reading.statements), result), tuple(reading.numbers)


class _NotElementwise(Exception):
    """Raised for an operation that does not count as elementwise."""


@dataclass(frozen=True, eq=False)
class _Array:
    """An array of theta's length, of theta's dtype or boolean; ``name`` is the variable for one coordinate of it."""

    name: str
    truth: bool = False


class _Reading:
    """Translation of a gradient from Numba's representation, where each variable has one value, to one coordinate."""

    def __init__(self, dtype: np.dtype[Any], defaults: tuple[Any, ...]) -> None:
        self.statements: list[str] = []
        self.numbers: list[float] = []
        self._dtype = dtype
        self._theta = _Array("x")
        self._arguments = (self._theta, *defaults)
        self._values: dict[str, Any] = {}
        self._overwritten: set[_Array] = set()

    def follow(self, body: list[Any]) -> str:
        """Translate all statements; return the name of the variable that the gradient returns."""
        for statement in body:
            if isinstance(statement, ir.Return):
                return self._array(self._values[statement.value.name])
            if isinstance(statement, ir.Assign):
                self._values[statement.target.name] = self._value(statement.value)
            elif not isinstance(statement, ir.Del):
                break
        raise _NotElementwise

    def _value(self, node: Any) -> Any:
        if isinstance(node, ir.Arg):
            return self._arguments[node.index]
        if isinstance(node, ir.Global | ir.FreeVar | ir.Const):
            return node.value
        if isinstance(node, ir.Var):
            return self._values[node.name]
        read = getattr(self, f"_read_{node.op}", None)
        if read is None:
            raise _NotElementwise
        return read(node)

    def _read_cast(self, node: Any) -> Any:
        return self._value(node.value)

    def _read_getattr(self, node: Any) -> Any:
        owner = self._value(node.value)
        if owner is not np:
            raise _NotElementwise
        return getattr(np, node.attr)

    def _read_binop(self, node: Any) -> Any:
        return self._operation(node.fn, self._value(node.lhs), self._value(node.rhs))

    def _read_inplace_binop(self, node: Any) -> Any:
        """Translate as the plain operation; the old value counts as overwritten, under all its names."""
        left = self._value(node.lhs)
        value = self._operation(node.immutable_fn, left, self._value(node.rhs))
        if isinstance(left, _Array):
            if left is self._theta or left.truth:
                raise _NotElementwise
            self._overwritten.add(left)
        return value

    def _read_unary(self, node: Any) -> Any:
        return self._operation(node.fn, self._value(node.value))

    def _read_call(self, node: Any) -> Any:
        if node.kws or node.vararg is not None or node.varkwarg is not None:
            raise _NotElementwise
        function, arguments = self._value(node.func), [self._value(argument) for argument in node.args]
        if function is np.where and len(arguments) == 3:
            return self._choice(*arguments)
        if function is abs:
            function = np.abs
        if not isinstance(function, np.ufunc) or function.nin != len(arguments):
            raise _NotElementwise
        if function in NAMED_POWERS:
            return self._operation(operator.pow, *arguments, NAMED_POWERS[function])
        if function in OPERATORS:
            return self._operation(OPERATORS[function], *arguments)
        if function not in FUNCTIONS:
            raise _NotElementwise
        if all(map(_is_number, arguments)):
            return function(*arguments)
        called = FUNCTIONS[function]
        replaced = f"_numpy_{called}"
        called = replaced if replaced in REPLACEMENTS else f"np.{called}"
        return self._new(f"{called}({', '.join(map(self._floating, arguments))})")

    def _operation(self, function: Any, *operands: Any) -> Any:
        if all(map(_is_number, operands)):
            return function(*operands)
        if function is operator.pow:
            return self._power(*operands)
        if function is operator.neg:
            return self._new(f"-{self._floating(*operands)}")
        truths = [isinstance(operand, _Array) and operand.truth for operand in operands]
        if function in LOGIC and all(truths):
            return self._new(f" {LOGIC[function]} ".join(map(self._name, operands)), truth=True)
        if function in COMPARISONS:
            return self._new(f" {COMPARISONS[function]} ".join(map(self._floating, operands)), truth=True)
        # A boolean array is converted to theta's dtype beside an array of that dtype, but not beside a number.
        if function in ARITHMETIC and not all(truths) and not (any(truths) and any(map(_is_number, operands))):
            parts = [
                self._as_number(o) if truth else self._floating(o) for o, truth in zip(operands, truths, strict=True)
            ]
            return self._new(f" {ARITHMETIC[function]} ".join(parts))
        raise _NotElementwise

    def _power(self, base: Any, exponent: Any) -> Any:
        if _is_number(exponent) and exponent in POWERS:
            self._check_precision(exponent)
            return self._new(POWERS[exponent].format(self._floating(base)))
        return self._new(f"np.power({self._floating(base)}, {self._floating(exponent)})")

    def _choice(self, condition: Any, x: Any, y: Any) -> Any:
        # A choice between two numbers has their type in NumPy, not theta's.
        if not (isinstance(condition, _Array) and condition.truth) or (_is_number(x) and _is_number(y)):
            raise _NotElementwise
        return self._new(f"_numpy_where({self._name(condition)}, {self._floating(x)}, {self._floating(y)})")

    def _new(self, expression: str, truth: bool = False) -> _Array:
        name = f"y{len(self.statements)}"
        self.statements.append(f"{name} = {expression}")
        return _Array(name, truth)

    def _floating(self, value: Any) -> str:
        """Return the name of an array of theta's dtype, or of a number, which takes that dtype."""
        if isinstance(value, _Array):
            return self._array(value)
        self._check_precision(value)
        self.numbers.append(float(value))
        return f"p[{len(self.numbers) - 1}]"

    def _array(self, value: Any) -> str:
        """Return the name of an array of theta's dtype; raise if the value is something else."""
        if not isinstance(value, _Array) or value.truth:
            raise _NotElementwise
        return self._name(value)

    def _as_number(self, value: _Array) -> str:
        return f"_numpy_where({self._name(value)}, one, zero)"

    def _name(self, value: _Array) -> str:
        if value in self._overwritten:
            raise _NotElementwise
        return value.name

    def _check_precision(self, value: Any) -> None:
        """Raise if the value is not a number, or if NumPy would widen theta's dtype for it."""
        if not _is_number(value) or np.result_type(self._dtype, value) != self._dtype:
            raise _NotElementwise


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating)
