"""Runs through the library function `adamlab.running.minimize.minimize`."""

import time
from functools import partial

import numpy as np
import pytest

from adamlab.compiler.compile_time import seconds_compiling
from adamlab.objectives.rosenbrock import Rosenbrock
from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.sgd import SGD
from adamlab.records.schema import TRACE, types
from adamlab.rules.symbols import ConfigurationError
from adamlab.running.many import minimize_many
from adamlab.running.minimize import minimize
from adamlab.running.start import start
from adamlab.running.trace import kept_steps

ADAM = Adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8)
BACKENDS = ("python", "numpy", "numba")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_seeds_run_converges_after_3728_steps(backend):
    result = minimize(Sphere(dim=128, x0=10.0), ADAM, n_steps=100_000, tol=1e-6, backend=backend)
    assert (result.status, result.steps) == ("converged", 3728)
    assert result.theta.shape == (128,)
    assert result.loss == pytest.approx(float(np.sum(result.theta**2)))
    assert result.trace["step"][-1] == 3728
    assert result.trace["step_norm"][-1] < 1e-6 <= result.trace["step_norm"][-2]


def test_a_slower_rate_does_not_converge_within_the_seeds_100_steps():
    slow = Adam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8)
    result = minimize(Sphere(dim=128, x0=10.0), slow, n_steps=100, tol=1e-6)
    assert (result.status, result.steps) == ("max_steps", 100)


def test_a_tolerance_of_zero_never_stops_even_where_nothing_moves():
    result = minimize(Sphere(dim=2, x0=0.0), ADAM, n_steps=50, tol=0.0)
    assert (result.status, result.steps) == ("max_steps", 50)


@pytest.mark.parametrize("backend", BACKENDS)
def test_divergence_is_a_result(backend):
    result = minimize(Sphere(dim=2, x0=1.0), SGD(lr=10.0), n_steps=10_000, backend=backend)
    assert result.status == "diverged"
    assert result.steps < 10_000


def test_the_trace_is_the_same_on_every_backend(dtype):
    objective = Rosenbrock(dim=6, x0=[-1.2, 1.0], a=1.0, b=100.0, dtype=dtype)
    traces = [minimize(objective, ADAM, n_steps=500, tol=1e-9, backend=name).trace for name in BACKENDS]
    assert traces[0].equals(traces[1])
    assert traces[1].equals(traces[2])
    assert traces[0].schema == types(TRACE)


def test_tracing_does_not_change_the_run():
    results = [minimize(Sphere(dim=9, x0=1.0), ADAM, n_steps=400, trace=name) for name in ("log", "every", "none")]
    assert len({result.theta.tobytes() for result in results}) == 1
    assert results[1].trace["step"].to_list() == list(range(401))
    assert results[2].trace is None


def test_a_logarithmic_trace_keeps_both_ends():
    kept = kept_steps("log", 10_000, 50)
    assert (kept[0], kept[-1]) == (1, 10_000)
    assert 35 <= len(kept) <= 50
    assert kept == sorted(set(kept))


def test_the_trace_says_what_was_so_at_each_step():
    trace = minimize(Sphere(dim=1, x0=4.0), SGD(lr=0.25), n_steps=2, trace="every").trace
    assert trace.drop("distance").rows() == [(0, 16.0, 8.0, None), (1, 4.0, 4.0, 2.0), (2, 1.0, 2.0, 1.0)]


def squares(x):
    return float(np.sum(x * x))


def slope(x):
    return x + x


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pair_of_functions_runs_as_the_leaf_does(backend):
    ours = minimize(Sphere(dim=7, x0=3.0), ADAM, n_steps=300, backend=backend)
    theirs = minimize((squares, slope), ADAM, theta0=np.full(7, 3.0), n_steps=300, backend=backend)
    assert ours.theta.tobytes() == theirs.theta.tobytes()


class Model:
    def __init__(self):
        self.calls = 0

    def gradient(self, x):
        self.calls += 1
        return x + x

    __call__ = gradient


@pytest.mark.filterwarnings("ignore::adamlab.compiler.objective_code.CalledGradient")
@pytest.mark.parametrize("backend", BACKENDS)
def test_any_other_callable_is_called(backend):
    ours = minimize(Sphere(dim=7, x0=3.0), ADAM, n_steps=20, backend=backend)
    model = Model()
    for callable_ in (model.gradient, model, partial(np.multiply, 2.0), lambda x: eval("x + x", {"x": x})):
        theirs = minimize((squares, callable_), ADAM, theta0=np.full(7, 3.0), n_steps=20, backend=backend)
        assert ours.theta.tobytes() == theirs.theta.tobytes()
    assert model.calls >= 40


SCALE = 2.0
WEIGHTS = np.ones(2)


def scaled(x):
    return SCALE * WEIGHTS * x


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_value_outside_a_gradient_counts_as_it_is_at_each_call(backend, monkeypatch):
    for scale, expected in ((2.0, 4.0), (0.0, 8.0), (2.0, 4.0)):
        monkeypatch.setitem(globals(), "SCALE", scale)
        result = minimize((squares, scaled), SGD(lr=0.25), theta0=[8.0, 8.0], n_steps=1, backend=backend)
        assert result.theta.tolist() == [expected, expected]
    WEIGHTS[0] = 0.0
    result = minimize((squares, scaled), SGD(lr=0.25), theta0=[8.0, 8.0], n_steps=1, backend=backend)
    WEIGHTS[0] = 1.0
    assert result.theta.tolist() == [8.0, 4.0]


def test_a_gradient_that_returns_its_argument_is_safe():
    ours = minimize((lambda x: 0.5 * float(x @ x), lambda x: x), SGD(lr=0.5), theta0=np.full(3, 8.0), n_steps=3)
    assert ours.theta.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_matrix_of_parameters_keeps_its_shape(backend):
    result = minimize((squares, slope), SGD(lr=0.25), theta0=np.ones((2, 3)), n_steps=2, backend=backend)
    assert np.array_equal(result.theta, np.full((2, 3), 0.25))
    run = start(SGD(lr=0.5), np.ones((2, 3)), backend=backend)
    assert np.array_equal(run.step(np.ones((2, 3))), np.full((2, 3), 0.5))


def test_a_start_of_whole_numbers_becomes_float64():
    assert start(SGD(lr=0.5), [1, 2]).step([1.0, 1.0]).tolist() == [0.5, 1.5]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: minimize(Sphere(dim=1, x0=1.0), ADAM, n_steps=0), "minimize: n_steps must lie in [1, 2^63); it is 0"),
        (
            lambda: minimize(Sphere(dim=1, x0=1.0), ADAM, n_steps=1, tol=-1.0),
            "stopping: tol must lie in [0, inf); it is -1.0",
        ),
        (
            lambda: minimize(Sphere(dim=1, x0=1.0), ADAM, n_steps=1, backend="gpu"),
            "minimize: backend must be one of python, numpy, numba; it is 'gpu'",
        ),
        (
            lambda: minimize(Sphere(dim=1, x0=1.0), ADAM, n_steps=1, trace="some"),
            "minimize: trace must be one of log, every, none; it is 'some'",
        ),
        (
            lambda: minimize((squares, slope), ADAM, n_steps=1),
            "minimize: theta0 must be given with functions; it is None",
        ),
        (
            lambda: minimize(Sphere(dim=2, x0=1.0), ADAM, n_steps=1, theta0=[1.0]),
            "minimize: theta0 must have one number for each of the 2 coordinates; its shape is (1,)",
        ),
        (
            lambda: minimize((squares, lambda x: x[:, None]), ADAM, theta0=np.ones(3), n_steps=1),
            "minimize: gradient(theta) must be an array of theta's shape (3,); it is an array of float64, shape (3, 1)",
        ),
        (
            lambda: minimize((squares, lambda _: None), ADAM, theta0=np.ones(3), n_steps=1),
            "minimize: gradient(theta) must be an array of theta's shape (3,); it is None",
        ),
        (
            lambda: minimize((lambda x: x, slope), ADAM, theta0=np.ones(3), n_steps=1),
            "minimize: value(theta) must be a number; it is an array of float64, shape (3,)",
        ),
        (
            lambda: minimize((squares, lambda x: np.multiply(x, 2, out=x)), ADAM, theta0=np.ones(3), n_steps=1),
            "minimize: value and gradient must not modify theta; one of them does",
        ),
        (
            lambda: minimize(Sphere(dim=1, x0=1.0), "adam", n_steps=1),
            "minimize: optimizer must be an instance of a class in adamlab.optimizers; it is 'adam'",
        ),
        (
            lambda: minimize("sphere", ADAM, n_steps=1),
            "minimize: objective must be an instance of a class in adamlab.objectives, or a pair of functions; "
            "it is 'sphere'",
        ),
        (lambda: start(ADAM, np.array(["a"])), "start: theta0 must be float64 or float32; it is <U1"),
        (
            lambda: start(ADAM, np.ones(2)).step(np.ones(3)),
            "step: the gradient must be float64 (2,), as theta0 is; it is float64 (3,)",
        ),
        (
            lambda: start(ADAM, np.ones(2)).step(np.ones(2, np.float32)),
            "step: the gradient must be float64 (2,), as theta0 is; it is float32 (2,)",
        ),
    ],
)
def test_a_mistake_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(ConfigurationError) as refused:
        call()
    assert str(refused.value) == sentence


@pytest.mark.parametrize("runs", [1, 3])
def test_the_time_of_a_run_is_its_own_without_compilation(runs):
    class New(SGD):
        """A method whose kernels nobody has compiled."""

        @staticmethod
        def update(c, g, theta):
            return (theta - c.lr * g,)

    own = {"optimizer": New(lr=0.1), "objective": Sphere(dim=3, x0=1.0), "n_steps": 5}
    before, begun = seconds_compiling(), time.perf_counter()
    seconds = minimize_many([own] * runs, threads=1)["seconds"].to_list()
    wall, compiling = time.perf_counter() - begun, seconds_compiling() - before
    assert compiling > 0
    assert 0 < sum(seconds) <= wall - compiling
    assert len(set(seconds)) == 1
