"""A user's elementwise gradient is recognised, and gives the same on one coordinate as on the whole array."""

import math
import types

import numpy as np
import pytest

from adamlab.compiler.elementwise_gradients import FUNCTIONS, coordinate_of
from adamlab.compiler.numpy_semantics import compile_function
from adamlab.compiler.objective_code import code_of
from adamlab.optimizers.adam_reordered import AdamReordered
from adamlab.optimizers.sgd import SGD
from adamlab.problems.problem import FunctionPair, Problem
from adamlab.running.minimize import minimize

SCALE, WIDE, WEIGHTS = 3, np.float64(3.0), np.arange(6.0)
SPECIAL = [0.0, -0.0, 5e-324, -1e-310, 1e-300, 1e-40, 0.3, -0.7, 1.0, -1.0, 2.5, 1e19, -1e300, np.inf, -np.inf, np.nan]


def statements(x):
    """Use a docstring, names and an in-place sum."""
    y = SCALE * x
    y += 1
    z = np.pi - y / 0.1
    y = z * y
    return -y + z


def helper(x):
    return 2.0 * x


def summed_where_another_name_sees_it(x):
    y = 2.0 * x
    z = y
    y += 1.0
    return y + z


def changes_theta(x):
    x += 1.0
    return x


def branches(x):
    return x if SCALE > 1 else -x


def draws(x):
    return np.random.normal() * x


def constant(x):
    return 3.0 if x is None else 4.0


def loops(x):
    for _ in range(2):
        x = x * x
    return x


# Operations whose every bit IEEE 754 defines.
EXACT = {
    "2 x": lambda x: 2.0 * x,
    "x + x": lambda x: x + x,
    "x": lambda x: x,
    "statements": statements,
    "square": lambda x: 0.1 * x**2 - np.square(x) / 3,
    "root and reciprocal": lambda x: x**0.5 + x**-1 + x**1.0 + x**True,
    "default": lambda x, k=0.7: k * x - k,
    "folded": lambda x: 2 * SCALE / 7 * x,
    "choice": lambda x: np.where((x > 0.1) & (x != 1), x, np.where(x <= -0.1, -x, 0.5)),
    "truth": lambda x: (x >= 0) * x - x * (x < 0.3) + ((x == 1.0) | (x != x)) / x,
    "ufuncs": lambda x: np.add(np.multiply(x, 0.1), np.subtract(np.divide(x, 3), np.negative(x))),
    "comparisons": lambda x: np.where(np.logical_or(np.greater(x, 0), np.equal(x, -1)), x, abs(x)),
    "huber": lambda x: np.minimum(np.maximum(x, -0.5), 0.5) * np.sign(x),
}
NOT = {
    "sum": lambda x: np.sum(x) * x,
    "method": lambda x: x - x.mean(),
    "mean": lambda x: x - np.mean(x),
    "reversed": lambda x: x[::-1],
    "one": lambda x: x * x[0],
    "cumsum": np.cumsum,
    "running": lambda x: np.cumsum(x),
    "accumulated": lambda x: np.add.accumulate(x),
    "product": lambda x: (x @ x) * x,
    "dot": lambda x: np.dot(x, x) * x,
    "matmul": lambda x: np.matmul(x, x) * x,
    "roll": lambda x: np.roll(x, 1),
    "sort": lambda x: np.sort(x),
    "size": lambda x: x / x.size,
    "length": lambda x: x / len(x),
    "shape": lambda x: x * x.shape[0],
    "transposed": lambda x: x.T,
    "array": lambda x: WEIGHTS * x,
    "range": lambda x: np.arange(6.0) * x,
    "new array": lambda x: np.array([2.0 * one for one in x]),
    "helper": lambda x: helper(x),
    "in place, seen": summed_where_another_name_sees_it,
    "theta in place": changes_theta,
    "out": lambda x: np.add(x, x, out=x),
    "where": lambda x: np.add(x, x, where=x > 0),
    "branch": branches,
    "condition": lambda x: x if x.all() else -x,
    "chained comparison": lambda x: (0 < x < 1) * x,
    "loop": loops,
    "random": draws,
    "constant": constant,
    "truth alone": lambda x: x > 0,
    "sum of truths": lambda x: ((x > 0) + (x > 1)) * x,
    "choice of whole numbers": lambda x: np.where(x > 0, 1, 2) * x,
    "complex": lambda x: 1j * x,
    "whole division": lambda x: x // 2,
    "two arguments": lambda x, *more: x + more[0],
    "bits": lambda x: np.spacing(x),
}


def by_coordinate(function, x):
    """Return the gradient from the compiled function of one coordinate, which the kernels call."""
    coordinate, numbers = coordinate_of(function, x.dtype.name)
    compiled = compile_function(coordinate.function(x.dtype.name))
    p = tuple(x.dtype.type(number) for number in numbers)
    result = np.array([compiled(p, one, 1, x.dtype.type(0)) for one in x])
    assert [str(signature.return_type) for signature in compiled.nopython_signatures] == [x.dtype.name]
    return result.astype(x.dtype)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", EXACT)
def test_an_elementwise_gradient_has_the_bits_of_numpys_arrays(name, dtype):
    x = np.array(SPECIAL, dtype)
    ours, theirs = by_coordinate(EXACT[name], x), EXACT[name](x)
    assert theirs.dtype == x.dtype
    assert np.array_equal(ours, theirs, equal_nan=True)
    finite = np.isfinite(theirs)
    assert np.array_equal(np.signbit(ours[finite]), np.signbit(theirs[finite]))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS.values())))
def test_a_function_in_it_is_numpys(name):
    function, x = getattr(np, name), np.array(SPECIAL)
    one = function.nin == 1
    ours = by_coordinate((lambda x: function(x)) if one else (lambda x: function(x, 0.4)), x)
    assert ours == pytest.approx(function(x) if one else function(x, 0.4), rel=1e-15, abs=1e-323, nan_ok=True)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("power", [3, 4, 2.5, -2, 0])
def test_a_power_is_numpys_to_rounding(power):
    x = np.array(SPECIAL)
    assert by_coordinate(lambda x: x**power, x) == pytest.approx(x**power, rel=1e-15, abs=1e-323, nan_ok=True)


@pytest.mark.parametrize("name", NOT)
def test_what_is_not_elementwise_for_sure_is_not_taken_for_it(name, dtype):
    assert not hasattr(NOT[name], "__code__") or coordinate_of(NOT[name], dtype) is None


def test_a_number_that_widens_theta_is_left_to_numpy():
    for function in (lambda x: WIDE * x, lambda x: np.sqrt(2.0) * x, lambda x: np.where(x > 0, WIDE, x)):
        assert coordinate_of(function, "float64") is not None
        assert coordinate_of(function, "float32") is None


def runs(gradient, theta0, optimizer, **more):
    pair = (lambda x: np.sum(x * x), gradient)
    return [
        minimize(pair, optimizer, theta0=theta0, n_steps=40, trace="none", backend=backend, **more).theta
        for backend in ("python", "numpy", "numba")
    ]


def test_runs_have_the_same_bits_on_all_backends(dtype):
    adam = AdamReordered(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8)
    for shape in ((40,), (5, 8)):
        theta0 = np.linspace(-2, 3, 40, dtype=dtype).reshape(shape)
        python, numpy, numba = runs(statements, theta0, adam)
        assert python.dtype == numba.dtype == theta0.dtype
        assert python.tobytes() == numpy.tobytes() == numba.tobytes()


def test_gradients_that_differ_in_their_numbers_share_a_kernel_and_not_the_numbers():
    def scaled(k):
        return lambda x: k * x

    code = [code_of(Problem(FunctionPair(sum, scaled(k), "float64"))) for k in (2.0, 3.0)]
    assert code[0] is code[1]
    for k in (2.0, 3.0):
        _, numpy, numba = runs(scaled(k), np.ones(3), SGD(lr=0.1))
        assert numpy.tobytes() == numba.tobytes()
        assert numba[0] == pytest.approx((1 - 0.1 * k) ** 40)


def test_a_number_that_changes_between_two_runs_is_read_anew(monkeypatch):
    sgd, gradient = SGD(lr=0.125), lambda x: SCALE * x
    ends = []
    for number in (3, 5):
        monkeypatch.setitem(globals(), "SCALE", number)
        ends.append(runs(gradient, np.ones(3), sgd)[2][0])
    assert ends == [pytest.approx((1 - 3 / 8) ** 40), pytest.approx((1 - 5 / 8) ** 40)]


def test_a_number_that_lies_in_another_module_is_never_frozen():
    mine = types.ModuleType("mine")
    mine.SCALE = 2.0
    with pytest.warns(match="is called at each step, because it uses values that Numba would freeze"):
        run = minimize((np.sum, lambda x: mine.SCALE * x), SGD(lr=0.25), theta0=[1.0], n_steps=1)
    mine.SCALE = 3.0
    assert run.theta == [0.5]


def test_threads_share_the_steps_of_a_large_elementwise_gradient():
    theta0 = np.linspace(-1, 1, 1 << 19)
    pair = (lambda x: np.sum(x * x), lambda x: 2.0 * x)
    alone, shared = (
        minimize(pair, SGD(lr=0.1), theta0=theta0, n_steps=3, trace="none", threads=threads) for threads in (1, 2)
    )
    assert alone.theta.tobytes() == shared.theta.tobytes()
    assert math.isfinite(alone.loss)
