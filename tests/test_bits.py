"""The three backends run one definition of each optimizer and agree to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adamlab.compiler import numpy_semantics
from adamlab.compiler.numpy_semantics import compile_function
from adamlab.objectives.quadratic import Quadratic
from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.adamax import AdaMax
from adamlab.optimizers.sgd import SGD
from adamlab.problems.problem import Problem
from adamlab.rules.reduction import BLOCK, LANES, squared_length, total
from adamlab.rules.stopping import Stopping
from adamlab.rules.underflow import FLUSH_EVERY, flushed
from adamlab.running.backends import stepper
from adamlab.running.checks import first_iterate
from adamlab.running.many import minimize_many
from adamlab.running.minimize import minimize
from adamlab.running.numba_steppers import SHARED_FROM
from adamlab.running.start import start

BACKENDS = ("python", "numpy", "numba")
EXTREME = [0.0, -0.0, 5e-324, 1e-310, 1e-45, 1e-300, 1e-38, 1.0, -3.5, 1e38, 1e300, np.inf, -np.inf, np.nan]


def same_bits(a, b):
    """Return whether two arrays are equal bit for bit, where all nans count as equal."""
    a, b = np.asarray(a), np.asarray(b)
    both_nan = np.isnan(a) & np.isnan(b)
    return a.dtype == b.dtype and bool(np.all(both_nan | ((a == b) & (np.signbit(a) == np.signbit(b)))))


def assert_same_run(optimizer, objective):
    ends = []
    for backend in BACKENDS:
        run = stepper(backend, optimizer, Problem(objective), first_iterate(objective))
        run.advance(60, Stopping(tol=1e-6))
        ends.append((run.t, repr(run.step_sq), run.theta, run.reported))
    for other in ends[1:]:
        assert other[:2] == ends[0][:2]
        assert same_bits(other[2], ends[0][2])
        assert same_bits(other[3], ends[0][3])


def test_a_whole_run_of_any_optimizer_is_the_same_on_every_backend(optimizer, dtype):
    assert_same_run(optimizer, Quadratic(dim=37, x0=[-1.2, 1.0], condition=100.0, dtype=dtype))


def test_a_whole_run_on_any_objective_is_the_same_on_every_backend(make_objective, gradient_is_exact, dtype):
    adam, objective = Adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8), make_objective(None, dtype)
    if gradient_is_exact(objective):
        return assert_same_run(adam, objective)
    # The gradient's last bits may differ. Gradient descent only accumulates such differences; Adam would magnify them
    # without bound where a gradient passes through zero.
    ends, descent = [], SGD(lr=1e-3)
    for backend in BACKENDS:
        run = stepper(backend, descent, Problem(objective), first_iterate(objective))
        run.advance(60, Stopping(tol=1e-6))
        ends.append(run.theta)
    for other in ends[1:]:
        assert np.max(np.abs(other - ends[0])) <= 100 * np.finfo(dtype).eps * np.max(np.abs(ends[0]))


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_extreme_gradients_give_the_same_bits(optimizer, dtype):
    # Enough coordinates to fill the lanes of a vector loop, with a remainder.
    dim = LANES + len(EXTREME)
    gradients = [np.roll(np.resize(EXTREME, dim), shift).astype(dtype) for shift in range(5)]
    runs = [start(optimizer, np.linspace(-1, 1, dim).astype(dtype), backend=name) for name in BACKENDS]
    for gradient in gradients:
        python, numpy, numba = (run.step(gradient) for run in runs)
        assert same_bits(python, numpy)
        assert same_bits(numpy, numba)


@settings(max_examples=60, deadline=None)
@given(
    gradients=st.lists(arrays(np.float64, 5, elements=st.floats(width=64)), min_size=1, max_size=4),
    rule=st.sampled_from(
        [Adam(lr=0.1, beta1=0.9, beta2=0.99, eps=0.0), AdaMax(lr=0.1, beta1=0.0, beta2=0.5), SGD(lr=1e-3)]
    ),
)
def test_no_gradient_at_all_tells_the_backends_apart(gradients, rule):
    runs = [start(rule, np.zeros(5), backend=name) for name in BACKENDS]
    for gradient in gradients:
        python, numpy, numba = (run.step(gradient) for run in runs)
        assert same_bits(python, numpy)
        assert same_bits(numpy, numba)


@pytest.mark.parametrize("dim", [*range(1, LANES + 2), BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_the_length_of_a_step_is_added_up_in_the_same_order(dim, dtype):
    rule = Adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8)
    gradient = np.random.default_rng(dim).standard_normal(dim).astype(dtype)
    runs = [stepper(name, rule, None, np.zeros(dim, dtype)) for name in ("numpy", "numba")]
    for run in runs:
        run.step(gradient)
    assert runs[0].step_sq == runs[1].step_sq > 0


@pytest.mark.parametrize("dim", [BLOCK + 1, (LANES + 1) * BLOCK + 7, BLOCK * BLOCK + 1])
def test_sums_of_blocks_are_added_up_in_the_same_order_where_steps_are_compiled(dim):
    objective = Quadratic(dim=dim, x0=[-1.2, 1.0], condition=100.0)
    ends = []
    for backend in ("numpy", "numba"):
        run = stepper(backend, SGD(lr=1e-3), Problem(objective), first_iterate(objective))
        run.advance(2, Stopping())
        ends.append(run.step_sq)
    assert ends[0] == ends[1] > 0


@given(st.lists(st.floats(-1e6, 1e6), max_size=200))
def test_a_sum_goes_by_lanes_and_then_by_halves(terms):
    lanes = [0.0] * LANES
    for i, term in enumerate(terms):
        lanes[i % LANES] += term
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [a + b for a, b in zip(lanes[:half], lanes[half:], strict=True)]
    assert total(np.array(terms)) == lanes[0]


def test_squares_are_added_in_float64():
    assert squared_length(np.full(10, 1e-30, np.float32)) == pytest.approx(1e-59, rel=1e-6)


@settings(deadline=None)
@given(st.tuples(st.floats(), st.floats()))
def test_a_running_number_that_is_subnormal_is_zero_on_every_backend(carry):
    # Adding zero makes -0.0 and 0.0 equal.
    expected = [0.0 if 0 < abs(x) < 2.0**-1022 else x + 0.0 for x in carry]
    assert same_bits(np.add(flushed(FLUSH_EVERY, carry), 0.0), expected)
    assert flushed(FLUSH_EVERY + 1, carry) is carry
    assert same_bits(np.add(compiled_flush(carry), 0.0), expected)


@compile_function
def compiled_flush(carry):
    return numpy_semantics.flushed(carry)


def test_a_run_whose_powers_of_beta_vanish_is_the_same_on_every_backend_and_among_many():
    run = {
        "objective": Sphere(dim=3, x0=10.0),
        "optimizer": Adam(lr=1e-3, beta1=0.5, beta2=0.6, eps=1e-8),
        "n_steps": 1600,
        "trace": "none",
    }
    python, numpy, numba = (minimize(**run, backend=backend).theta for backend in BACKENDS)
    assert same_bits(python, numpy)
    assert same_bits(numpy, numba)
    for among_many in minimize_many([run, run], theta=True)["theta"]:
        assert same_bits(among_many, numba)


def test_threads_share_a_large_step_without_changing_a_bit():
    objective = Quadratic(dim=SHARED_FROM + 3 * BLOCK + 7, x0=[-1.2, 1.0], condition=100.0)
    adam = Adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8)
    runs = [minimize(objective, adam, n_steps=3, trace="every", threads=threads) for threads in (1, 2, 3)]
    assert len({run.theta.tobytes() for run in runs}) == 1
    assert runs[0].trace.equals(runs[1].trace)
    assert runs[1].trace.equals(runs[2].trace)
