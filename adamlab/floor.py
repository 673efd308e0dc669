"""What the machine allows: the least time a step of a method can take.

Two things bound a step from below, and the larger counts: its divisions and square roots over the throughput of the
unit that does them, and the bytes it must move over the bandwidth at that size. The operations are counted by running
the rule itself on numbers that count; throughput and bandwidth are measured on the spot, by compiled loops with
nothing else in them, as cases to be interleaved with what is timed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adamlab.backends import acts_on, first_carry, state_names
from adamlab.numba_language import compile_function
from adamlab.problem import objective_data
from adamlab.timing import Case, timed

# Small enough for the first-level cache, large enough for the loop's own overhead to vanish.
_ELEMENTS = 1024
# Passes in one call, so that the call itself does not count.
_PASSES = 64


@dataclass(frozen=True)
class Work:
    """What one coordinate's share of a step needs: divisions, square roots, and numbers moved.

    ``moves`` counts each number read and each written; ``read_only`` of them belong to arrays that are only read.
    """

    divisions: int
    roots: int
    read_only: int
    moves: int


class _Counting:
    """A number of which only the operations done with it are kept."""

    divisions = 0
    roots = 0

    def _same(self, *_: object) -> "_Counting":
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = __abs__ = _same

    def __truediv__(self, other: object) -> "_Counting":
        _Counting.divisions += 1
        return self

    __rtruediv__ = __truediv__

    def sqrt(self) -> "_Counting":
        """What numpy.sqrt calls."""
        _Counting.roots += 1
        return self

    def arctan2(self, _: object) -> "_Counting":
        """What numpy.arctan2 calls; not counted: its cost is the library's."""
        return self

    def __gt__(self, other: object) -> bool:
        return True

    __ge__ = __lt__ = __le__ = __gt__


def work(optimizer: Any, objective: Any) -> Work:
    """Count what a step of ``optimizer`` on ``objective`` needs per coordinate, the gradient included if separable.

    Of a rule that acts on a vector or a matrix only the moves are counted, each state once.
    """
    if acts_on(optimizer) != "coordinate":
        states = len(state_names(optimizer.__class__))
        return Work(0, 0, read_only=1, moves=2 * (1 + states) + 1)
    state = [_Counting() for _ in state_names(optimizer.__class__)]
    data = objective_data(objective)
    c, _ = optimizer.coefficients(1, *first_carry(optimizer.__class__))
    _Counting.divisions = _Counting.roots = 0
    if objective.separable:
        objective.gradient(_Counting(), *(_Counting() for _ in data))
    optimizer.update(c._make(_Counting() for _ in c), _Counting(), _Counting(), *state)
    read_only = len(data) if objective.separable else 1
    return Work(_Counting.divisions, _Counting.roots, read_only, 2 * (1 + len(state)) + read_only)


def footprint(work: Work, dim: int, dtype: str) -> int:
    """Bytes of the arrays that a step touches: those read and written count once."""
    arrays = (work.moves - work.read_only) // 2 + work.read_only
    return arrays * dim * np.dtype(dtype).itemsize


def floor_cases(dtype: str, footprints: Iterable[int]) -> dict[str, Case]:
    """The cases whose samples `floor_ns_per_step` reads.

    The bandwidth of each footprint is that of ``a = a + s b`` on two arrays that fill it: in place, as an optimizer
    works, so that no line is fetched only to be overwritten.
    """
    x, a = np.ones(_ELEMENTS, dtype), np.linspace(1, 2, _ELEMENTS, dtype=dtype)
    cases = {
        _name("division", dtype): timed(lambda: _divide(x, a, _PASSES)),
        _name("root", dtype): timed(lambda: _root(x, a, _PASSES)),
    }
    for size in footprints:
        cases[_name("move", dtype, size)] = _bandwidth_case(dtype, size)
    return cases


def floor_ns_per_step(work: Work, dim: int, dtype: str, seconds: Mapping[str, float]) -> float:
    """The floor in nanoseconds, from the median seconds of the cases of `floor_cases`."""
    division, root = (seconds[_name(operation, dtype)] / (_ELEMENTS * _PASSES) for operation in ("division", "root"))
    size = footprint(work, dim, dtype)
    elements, times = _bandwidth_loop(dtype, size)
    move = seconds[_name("move", dtype, size)] / (3 * elements * times)
    return 1e9 * dim * max(work.divisions * division + work.roots * root, work.moves * move)


def _name(operation: str, dtype: str, size: int | None = None) -> str:
    return f"floor: {operation} {dtype}" + ("" if size is None else f" of {size}")


def _bandwidth_case(dtype: str, size: int) -> Case:
    elements, times = _bandwidth_loop(dtype, size)
    a, b = np.zeros(elements, dtype), np.ones(elements, dtype)
    scale = a.dtype.type(1e-9)
    return timed(lambda: _add_scaled(a, b, scale, times))


def _bandwidth_loop(dtype: str, size: int) -> tuple[int, int]:
    """Elements in each of two arrays that fill ``size`` bytes, and how often one call passes over them."""
    elements = max(1, size // (2 * np.dtype(dtype).itemsize))
    return elements, max(1, _PASSES * _ELEMENTS // elements)


@compile_function
def _divide(x, a, times):
    for _ in range(times):
        for i in range(x.size):
            x[i] = a[i] / x[i]


@compile_function
def _root(x, a, times):
    for _ in range(times):
        for i in range(x.size):
            x[i] = np.sqrt(a[i] + x[i])


@compile_function
def _add_scaled(a, b, s, times):
    for _ in range(times):
        for i in range(a.size):
            a[i] = a[i] + s * b[i]
