"""What the machine allows: the least time a step of a method can take.

Four things bound a step from below, and the largest counts: its divisions and square roots over the throughput of the
unit that does them; its additions, those of the stopping test among them, over the throughput of the adders; the
numbers it must read and write over the bandwidth at that size; and, in few dimensions, the time one result takes to
become the next, because a step cannot begin before the last has ended. The operations are counted by running the rule
itself on numbers that count. Throughput, bandwidth and latencies are measured on the spot, by compiled loops with
nothing else in them, as cases to be interleaved with what is timed.

The loop for bandwidth passes over as many arrays as the method has, and writes those it writes: a triad, which reads
two numbers for one that it writes, can be slower per byte than a step that writes all it reads, and is no floor.

Of many runs at once, each with numbers of its own, none waits for itself; but what the coordinates of a step have in
common is computed for every run. Threads share out the arithmetic, and the loop for bandwidth has as many.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np

from adamlab.compiler.alignment import aligned
from adamlab.compiler.array_access import load, store
from adamlab.compiler.disk_cache import keep_on_disk
from adamlab.compiler.numpy_semantics import compile_function
from adamlab.measuring.timing import Case, timed
from adamlab.problems.problem import Array, objective_data
from adamlab.records.fingerprint import fingerprint
from adamlab.rules.methods import acts_on, first_carry, state_names
from adamlab.rules.parameters import parameter_names
from adamlab.running.numba_steppers import pool

# Small enough for the first-level cache, large enough for the loop's own overhead to vanish.
_ELEMENTS = 1024
# Passes in one call, so that the call itself does not count.
_PASSES = 64
# Additions to each element that is loaded, so that loading does not count.
_ADDITIONS = 16
# What a step's length takes of each coordinate: how far it has moved, and the sum.
_ADDITIONS_OF_LENGTH = 2
# Shorter arrays would measure how soon a stored number can be loaded again, which registers can do without.
_SHORTEST = 512
# About how much longer a division and a root take than a sum, to tell which of two chains is the longer.
_WEIGHTS = {"addition": 1, "product": 1, "division": 4, "root": 6}
_UFUNCS = {"add": "addition", "subtract": "addition", "multiply": "product", "divide": "division", "sqrt": "root"}


@dataclass(frozen=True)
class Work:
    """What a step needs: operations per coordinate, arrays passed over, and its longest chain.

    ``additions`` are subtractions too. ``read_write`` arrays are read and written, ``read_only`` ones only read. The
    chain is that of operations, each on the result of the one before, from a coordinate to its next value:
    ``chain_sums`` additions and multiplications, ``chain_divisions`` and ``chain_roots``. What its coordinates have in
    common takes ``own_divisions`` and ``own_roots``.
    """

    divisions: int
    roots: int
    read_write: int
    read_only: int = 0
    additions: int = 0
    chain_sums: int = 0
    chain_divisions: int = 0
    chain_roots: int = 0
    own_divisions: int = 0
    own_roots: int = 0


@dataclass(frozen=True)
class Floors:
    """The bounds in nanoseconds per step; see the module. ``arithmetic`` is that of divisions and roots."""

    arithmetic: float
    addition: float
    movement: float
    latency: float

    @property
    def largest(self) -> float:
        """The floor."""
        return max(self.arithmetic, self.addition, self.movement, self.latency)


class _Counting:
    """A number of which only what has been done is kept: all operations, and the longest chain that led here."""

    def __init__(self, done: Counter[str], chain: Counter[str] | None = None) -> None:
        self._done = done
        # None for what does not depend on the coordinate's last value.
        self.chain = chain

    def _after(self, operation: str, others: Iterable[object]) -> "_Counting":
        """The result of an operation on this and others; of one that has no name, such as a maximum, its chain."""
        self._done.update([operation])
        chains = [x.chain for x in (self, *others) if isinstance(x, _Counting) and x.chain is not None]
        longest = max(chains, key=lambda chain: sum(_WEIGHTS[name] * n for name, n in chain.items()), default=None)
        return _Counting(self._done, None if longest is None else longest + Counter([operation] if operation else []))

    def _add(self, other: object) -> "_Counting":
        return self._after("addition", [other])

    def _multiply(self, other: object) -> "_Counting":
        return self._after("product", [other])

    def _divide(self, other: object) -> "_Counting":
        return self._after("division", [other])

    def _other(self, *others: object) -> "_Counting":
        return self._after("", others)

    def __bool__(self) -> bool:
        return True

    __add__ = __radd__ = __sub__ = __rsub__ = _add
    __mul__ = __rmul__ = _multiply
    __truediv__ = __rtruediv__ = _divide
    __pow__ = __rpow__ = __mod__ = __floordiv__ = __neg__ = __abs__ = __gt__ = __ge__ = __lt__ = __le__ = _other

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object) -> "_Counting":
        """What NumPy's functions of numbers call."""
        return self._after(_UFUNCS.get(ufunc.__name__, ""), inputs)

    def __array_function__(self, function: object, types: object, inputs: Iterable[object], named: object) -> object:
        """What `numpy.where` calls."""
        return self._after("", inputs)


def work(optimizer: Any, objective: Any) -> Work:
    """Count what a step of ``optimizer`` on ``objective`` needs, the gradient included if separable.

    Of a rule that acts on a vector or a matrix only the arrays are counted.
    """
    data = objective_data(objective)
    read_write = 1 + len(state_names(optimizer.__class__))
    if acts_on(optimizer) != "coordinate":
        return Work(0, 0, read_write, read_only=1)
    done: Counter[str] = Counter()
    theta = _Counting(done, Counter())
    gradient = objective.gradient(theta, *(_Counting(done) for _ in data)) if objective.separable else theta
    c, _ = optimizer.coefficients(1, *first_carry(optimizer.__class__))
    state = (_Counting(done) for _ in range(1, read_write))
    new, *_ = optimizer.update(c._make(_Counting(done) for _ in c), gradient, theta, *state)
    own = _in_common(optimizer)
    return Work(
        divisions=done["division"],
        roots=done["root"],
        read_write=read_write,
        read_only=len(data) if objective.separable else 1,
        additions=done["addition"] + _ADDITIONS_OF_LENGTH,
        chain_sums=new.chain["addition"] + new.chain["product"],
        chain_divisions=new.chain["division"],
        chain_roots=new.chain["root"],
        own_divisions=own["division"],
        own_roots=own["root"],
    )


def _in_common(optimizer: Any) -> Counter[str]:
    """The operations on what the coordinates of a step have in common."""
    done: Counter[str] = Counter()
    numbers = SimpleNamespace(**{name: _Counting(done) for name in parameter_names(optimizer.__class__)})
    carry = (_Counting(done) for _ in first_carry(optimizer.__class__))
    optimizer.__class__.coefficients(numbers, _Counting(done), *carry)
    return done


def floor_cases(work: Work, dim: int, dtype: str, threads: int = 1) -> dict[str, Case]:
    """The cases whose samples `floors` reads, by name; those of two pieces of work may be the same."""
    x, a = _ones(_ELEMENTS, dtype, 0), _ones(_ELEMENTS, dtype, 1)
    a += np.linspace(0, 1, _ELEMENTS, dtype=dtype)
    one, little, count = a.dtype.type(1), a.dtype.type(1e-3), _ELEMENTS * _PASSES
    return {
        f"floor: division {dtype}": timed(lambda: _kernel("divide")(x, a, _PASSES)),
        f"floor: root {dtype}": timed(lambda: _kernel("root")(x, a, _PASSES)),
        f"floor: addition {dtype}": timed(lambda: _kernel("add")(x, a, _PASSES)),
        f"floor: sum after sum {dtype}": timed(lambda: _kernel("sum_after_sum")(one, little, count)),
        f"floor: division after division {dtype}": timed(lambda: _kernel("division_after_division")(one, one, count)),
        f"floor: root after sum {dtype}": timed(lambda: _kernel("root_after_sum")(one, one, count)),
        _movement(work, dim, dtype, threads): _movement_case(work, dim, dtype, threads),
    }


def floors(work: Work, dim: int, dtype: str, seconds: Mapping[str, float], runs: int = 1, threads: int = 1) -> Floors:
    """The floors of a step of a run, one of ``runs`` at once, from the median seconds of the cases of `floor_cases`."""

    def each(operation: str) -> float:
        return 1e9 * seconds[f"floor: {operation} {dtype}"] / (_ELEMENTS * _PASSES)

    # Runs at once stay in each core's own cache, so threads share out their movement as they do their arithmetic.
    together = 1 if runs > 1 else threads
    movement = dim * 1e9 * seconds[_movement(work, dim, dtype, together)] / (_length(dim) * _passes(dim))
    divider = work.divisions * each("division") + work.roots * each("root")
    adders = work.additions * each("addition") / _ADDITIONS
    if runs > 1:
        in_common = work.own_divisions * each("division") + work.own_roots * each("root")
        return Floors((dim * divider + in_common) / threads, dim * adders / threads, movement / threads, latency=0.0)
    sum_, division = each("sum after sum"), each("division after division")
    root = max(each("root after sum") - sum_, 0.0)
    return Floors(
        arithmetic=dim * divider / threads,
        addition=dim * adders / threads,
        movement=movement,
        latency=work.chain_sums * sum_ + work.chain_divisions * division + work.chain_roots * root,
    )


def _movement(work: Work, dim: int, dtype: str, threads: int) -> str:
    shared = f", {threads} threads" if threads > 1 else ""
    return f"floor: {work.read_write} arrays read and written, {work.read_only} read, {_length(dim)} {dtype}{shared}"


def _length(dim: int) -> int:
    """The length of the arrays that stand for those of a method in ``dim`` coordinates."""
    return max(dim, _SHORTEST)


def _passes(dim: int) -> int:
    """How often one call passes over them."""
    return max(1, _PASSES * _ELEMENTS // _length(dim))


def _movement_case(work: Work, dim: int, dtype: str, threads: int) -> Case:
    count = work.read_write + work.read_only
    parts: list[tuple[Array, ...]] = []

    def case(repetitions: int) -> float:
        if not parts:
            arrays = [_ones(_length(dim), dtype, place) for place in range(count)]
            parts.extend(zip(*(np.array_split(array, threads) for array in arrays), strict=True))
        move, scale = _move_kernel(work.read_write, count), parts[0][0].dtype.type(1e-9)

        def move_all(times: int) -> None:
            others = [pool(threads).submit(move, part, scale, times) for part in parts[1:]]
            move(parts[0], scale, times)
            for other in others:
                other.result()

        # A pass off the clock, like a run's first step: what nobody has touched for a while may have been put away.
        move_all(1)
        return timed(lambda: move_all(_passes(dim)))(repetitions)

    return case


def _ones(size: int, dtype: str, place: int) -> Array:
    """Ones that lie where an array of a run would."""
    array: Array = aligned(size, dtype, place)
    array[:] = 1
    return array


@cache
def _kernel(name: str) -> Any:
    return keep_on_disk(compile_function(_LOOPS[name]), f"floor-{name}", fingerprint(__name__))


@cache
def _move_kernel(written: int, count: int) -> Any:
    """``move(arrays, s, times)``: add to each of the first ``written`` arrays ``s`` times another's number."""
    new = _sums(written, written, count)

    @numba.njit(error_model="numpy", nogil=True)
    def move(arrays, s, times):
        for _ in range(times):
            for i in range(arrays[0].size):
                store(arrays, i, new(load(arrays, i), s))

    return keep_on_disk(move, f"floor-move-{written}-{count}", fingerprint(__name__))


def _sums(first: int, written: int, count: int) -> Any:
    """The new numbers of the ``first`` arrays, each with another added: one that is only read, while there are any."""
    if first == 0:
        return compile_function(lambda _row, _s: ())
    k, before = first - 1, _sums(first - 1, written, count)
    other = written + k if written + k < count else (k + 1) % written
    return compile_function(lambda row, s: (*before(row, s), row[k] + s * row[other]))


def _divide(x, a, times):
    for _ in range(times):
        for i in range(x.size):
            x[i] = a[i] / x[i]


def _root(x, a, times):
    for _ in range(times):
        for i in range(x.size):
            x[i] = np.sqrt(a[i] + x[i])


def _add(x, a, times):
    for _ in range(times):
        for i in range(x.size):
            y = x[i]
            for _ in range(_ADDITIONS // 2):
                y = y + a[i]
                y = y - a[i]
            x[i] = y


def _sum_after_sum(x, a, times):
    for _ in range(times):
        x = x + a
    return x


def _division_after_division(x, a, times):
    for _ in range(times):
        x = a / x
    return x


def _root_after_sum(x, a, times):
    for _ in range(times):
        x = np.sqrt(a + x)
    return x


_LOOPS = {
    loop.__name__[1:]: loop
    for loop in (_divide, _root, _add, _sum_after_sum, _division_after_division, _root_after_sum)
}
