"""The floor: the least time that a step of an optimizer can take on this machine.

There are four lower bounds on the time of a step, and the floor is the largest of them:

* arithmetic: the divisions and square roots, at the throughput of the unit that computes them;
* addition: the additions, including those of the stopping test, at the throughput of the adders;
* movement: the numbers that the step must read and write, at the bandwidth for arrays of that size;
* latency: the time of the chain of operations from one iterate to the next, because a step cannot begin before the
  last one has ended; it matters in few dimensions.

The operations are counted by running the rule itself on numbers that count them. Throughput, bandwidth and latencies
are measured by compiled loops that do nothing else, as cases that are interleaved with the runs to be timed.

The loop for bandwidth reads as many arrays as the method has, and writes those that the method writes. A triad, which
reads two numbers for each that it writes, would be no floor: it can be slower per byte than a step that writes all it
reads.

If many runs are taken at once, each with its own numbers, there is no bound by latency; but the operations that the
coordinates of a step have in common are done for every run. Threads share the arithmetic, and the loop for bandwidth
runs on the same number of threads.
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
# Passes over the array in one call, so that the time of the call itself is negligible.
_PASSES = 64
# Additions to each element that is loaded, so that the time of loading is negligible.
_ADDITIONS = 16
# Additions in the length of a step, for each coordinate: the difference, and the sum of the squares.
_ADDITIONS_OF_LENGTH = 2
# Shorter arrays would measure how soon a stored number can be loaded again, which a step in registers does not need.
_SHORTEST = 512
# Approximate latencies in units of an addition's, to decide which of two chains is the longer.
_WEIGHTS = {"addition": 1, "product": 1, "division": 4, "root": 6}
_UFUNCS = {"add": "addition", "subtract": "addition", "multiply": "product", "divide": "division", "sqrt": "root"}


@dataclass(frozen=True)
class Work:
    """The work of a step: operations per coordinate, arrays that it passes over, and its longest chain.

    The chain is the sequence of operations, each on the result of the one before, from a coordinate to its next
    value.

    Attributes
    ----------
    divisions, roots : int
        Divisions and square roots per coordinate.
    read_write : int
        Arrays that are read and written.
    read_only : int
        Arrays that are only read.
    additions : int
        Additions and subtractions per coordinate.
    chain_sums : int
        Additions and multiplications in the chain.
    chain_divisions, chain_roots : int
        Divisions and square roots in the chain.
    own_divisions, own_roots : int
        Divisions and square roots that all coordinates of a step have in common.
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
    """The lower bounds on the time of a step, in nanoseconds; see the module.

    Attributes
    ----------
    arithmetic : float
        Bound by divisions and square roots.
    addition : float
        Bound by additions.
    movement : float
        Bound by reading and writing.
    latency : float
        Bound by the chain from one iterate to the next.
    """

    arithmetic: float
    addition: float
    movement: float
    latency: float

    @property
    def largest(self) -> float:
        """The floor: the largest of the bounds."""
        return max(self.arithmetic, self.addition, self.movement, self.latency)


class _Counting:
    """Stands for a number, and keeps only the operations done so far and the longest chain that led to the number."""

    def __init__(self, done: Counter[str], chain: Counter[str] | None = None) -> None:
        self._done = done
        # None for a number that does not depend on the coordinate's last value.
        self.chain = chain

    def _after(self, operation: str, others: Iterable[object]) -> "_Counting":
        """Return the result of an operation; one without a name, such as a maximum, only passes the chain on."""
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
        """Count an operation; NumPy's ufuncs call this."""
        return self._after(_UFUNCS.get(ufunc.__name__, ""), inputs)

    def __array_function__(self, function: object, types: object, inputs: Iterable[object], named: object) -> object:
        """Pass the chain on; `numpy.where` calls this."""
        return self._after("", inputs)


def work(optimizer: Any, objective: Any) -> Work:
    """Count the work of a step.

    Parameters
    ----------
    optimizer : leaf of `adamlab.optimizers`
        The optimizer.
    objective : leaf of `adamlab.objectives`
        The objective; its gradient is counted if it is separable.

    Returns
    -------
    Work
        The work; only the arrays are counted for a rule that acts on a vector or a matrix.
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
    """Count the operations that the coordinates of a step have in common."""
    done: Counter[str] = Counter()
    numbers = SimpleNamespace(**{name: _Counting(done) for name in parameter_names(optimizer.__class__)})
    carry = (_Counting(done) for _ in first_carry(optimizer.__class__))
    optimizer.__class__.coefficients(numbers, _Counting(done), *carry)
    return done


def floor_cases(work: Work, dim: int, dtype: str, threads: int = 1) -> dict[str, Case]:
    """Return the cases to be timed for the floor of a step.

    Parameters
    ----------
    work : Work
        The work of the step.
    dim : int
        Number of coordinates.
    dtype : str
        The dtype of theta.
    threads : int
        Threads that share the step.

    Returns
    -------
    dict of str to callable
        Cases for `adamlab.measuring.timing.interleaved` by name. Different steps may have cases of the same name;
        these are the same.
    """
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
    """Return the lower bounds on the time of a step.

    Parameters
    ----------
    work : Work
        The work of the step.
    dim : int
        Number of coordinates.
    dtype : str
        The dtype of theta.
    seconds : mapping of str to float
        Median seconds of the cases of `floor_cases`.
    runs : int
        Number of runs that are taken at once; the bounds are those of one of them.
    threads : int
        Threads that share the step, or the runs.

    Returns
    -------
    Floors
        The bounds in nanoseconds.
    """

    def each(operation: str) -> float:
        return 1e9 * seconds[f"floor: {operation} {dtype}"] / (_ELEMENTS * _PASSES)

    # Runs that are taken at once stay in each core's own cache, so threads share their movement like their arithmetic.
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
    """Return the length of the arrays by which the bandwidth for ``dim`` coordinates is measured."""
    return max(dim, _SHORTEST)


def _passes(dim: int) -> int:
    """Return how often one call passes over these arrays."""
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

        # One pass is not timed, like the first step of a run: arrays that were not used for a while may have left the
        # cache, or the memory.
        move_all(1)
        return timed(lambda: move_all(_passes(dim)))(repetitions)

    return case


def _ones(size: int, dtype: str, place: int) -> Array:
    """Return an array of ones, aligned as an array of a run."""
    array: Array = aligned(size, dtype, place)
    array[:] = 1
    return array


@cache
def _kernel(name: str) -> Any:
    return keep_on_disk(compile_function(_LOOPS[name]), f"floor-{name}", fingerprint(__name__))


@cache
def _move_kernel(written: int, count: int) -> Any:
    """Return ``move(arrays, s, times)``, which adds ``s`` times another array to each of the first ``written`` ones."""
    new = _sums(written, written, count)

    @numba.njit(error_model="numpy", nogil=True)
    def move(arrays, s, times):
        for _ in range(times):
            for i in range(arrays[0].size):
                store(arrays, i, new(load(arrays, i), s))

    return keep_on_disk(move, f"floor-move-{written}-{count}", fingerprint(__name__))


def _sums(first: int, written: int, count: int) -> Any:
    """Return the function for the new numbers of the ``first`` arrays: each plus ``s`` times that of another array.

    The other array is one that is only read, as long as there are any.
    """
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
