"""Objectives whose gradient is drawn anew at each step: the draws, and that their mean is the measured gradient."""

from collections import namedtuple

import numpy as np
import pytest

from adamlab.compiler.numpy_semantics import compile_function, in_numba
from adamlab.objectives.adopt_toy import AdoptToy
from adamlab.objectives.noisy_quadratic import NoisyQuadratic
from adamlab.objectives.reddi_online import ReddiOnline
from adamlab.objectives.reddi_stochastic import ReddiStochastic
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.amsgrad_paper import AMSGradPaper
from adamlab.problems.problem import objective_data
from adamlab.rules.parameters import numbers_of, parameter_names
from adamlab.running.minimize import minimize

ONLINE = {"dim": 3, "x0": 0.0, "period": 101, "large": 1010.0, "small": 10.0}
STOCHASTIC = {"dim": 3, "x0": 0.0, "probability": 0.01, "large": 1010.0, "small": 10.0}
TOY = {"dim": 3, "x0": 0.0, "k": 10.0}
NOISY = {"dim": 3, "x0": 0.0, "batch": 4}
CASES = [(ReddiOnline, ONLINE), (ReddiStochastic, STOCHASTIC), (AdoptToy, TOY), (NoisyQuadratic, NOISY)]
every_case = pytest.mark.parametrize(("cls", "numbers"), CASES)
X = np.array([-1.0, 0.25, 1.0])


def sampled(objective, x, t, draw):
    return objective.sampled_gradient(x, t, draw, *objective_data(objective))


def test_the_online_slopes_are_those_of_the_paper_over_a_whole_period():
    online = ReddiOnline(**ONLINE)
    slopes = [sampled(online, X, t, None) for t in range(1, 203)]
    assert [t for t, slope in enumerate(slopes, start=1) if slope[0] > 0] == [1, 102]
    assert {float(slope[0]) for slope in slopes} == {1010.0, -10.0}
    assert np.mean(slopes[:101], axis=0) == pytest.approx(online.gradient(X, *online.data()), rel=1e-12)


@pytest.mark.parametrize(
    ("objective", "probability"), [(ReddiStochastic(**STOCHASTIC), 0.01), (AdoptToy(**TOY), 1 / 10)]
)
def test_the_two_functions_that_are_drawn_have_the_measured_one_as_their_mean(objective, probability):
    """It matters only whether a uniform number is less than the probability."""
    rare, common = (sampled(objective, X, 1, np.full(3, u)) for u in (np.nextafter(probability, 0), probability))
    assert rare[0] > 0 > common[0]
    mean = probability * rare + (1 - probability) * common
    assert mean == pytest.approx(objective.gradient(X, *objective_data(objective)), rel=1e-12)


def test_the_toy_problem_has_the_slopes_k_squared_and_minus_k():
    assert sampled(AdoptToy(**TOY), X, 1, np.array([0.0, 0.0999, 0.1])).tolist() == [100.0, 100.0, -10.0]


def test_the_noise_of_the_quadratic_has_the_covariance_of_its_hessian_over_the_batch():
    """The gradient is affine in a draw of mean 0 and covariance 1; offset and slope give its mean and covariance."""
    noisy = NoisyQuadratic(**NOISY)
    at_zero = sampled(noisy, X, 1, np.zeros(3))
    assert at_zero == pytest.approx(noisy.gradient(X, *noisy.data()), rel=1e-15)
    assert np.array_equal(at_zero, X / np.array([1.0, 2.0, 3.0]))
    slope = sampled(noisy, X, 1, np.ones(3)) - at_zero
    assert slope**2 == pytest.approx(1 / np.array([1.0, 2.0, 3.0]) / 4, rel=1e-12)
    assert sampled(noisy, X, 1, np.full(3, 7.0)) - at_zero == pytest.approx(7 * slope, rel=1e-12)


@every_case
def test_the_gradient_is_the_slope_of_the_value(cls, numbers):
    objective = cls(**numbers)
    data = objective_data(objective)
    h = 1e-5
    slopes = (objective.value(X + h, *data) - objective.value(X - h, *data)) / (2 * h)
    assert objective.gradient(X, *data) == pytest.approx(slopes, rel=1e-9, abs=1e-12)


@every_case
def test_the_minimum_is_the_least_of_the_box_and_where_it_is_said_to_be(cls, numbers):
    objective = cls(**numbers)
    data = objective_data(objective)
    (minimiser,) = objective.minimisers()
    assert np.sum(objective.value(np.broadcast_to(minimiser, 3), *data)) == pytest.approx(objective.minimum())
    for x in np.linspace(*getattr(objective, "box", (-3.0, 3.0)), 21):
        assert np.sum(objective.value(np.full(3, x), *data)) >= objective.minimum() - 1e-12


@every_case
def test_the_published_value_comes_out(cls, numbers):
    point, expected = cls.published
    objective = cls(**numbers | {"dim": len(point)})
    assert np.sum(objective.value(np.array(point), *objective_data(objective))) == pytest.approx(expected, rel=1e-12)


@every_case
def test_compiled_and_number_by_number_it_is_the_same_in_its_dtype(cls, numbers, dtype):
    objective = cls(**numbers, dtype=dtype)
    data, x = objective_data(objective), X.astype(dtype)
    draw = None if cls.draws is None else np.array([0.0, 0.0099, 0.7])
    if cls.draws == "normal":
        draw = np.array([-1.5, 0.0, 0.7]).astype(dtype)
    number = np.dtype(dtype).type
    named = namedtuple(cls.__name__, parameter_names(cls))(*map(number, numbers_of(objective)))
    compiled = compile_function(in_numba(cls.sampled_gradient, dtype))
    for t in (1, 2, 101, 102):
        whole = sampled(objective, x, t, draw)
        assert whole.dtype == dtype
        for i in range(3):
            one = compiled(named, x[i], t, None if draw is None else draw[i], *(a[i] for a in data))
            assert one == number(one)
            assert number(one) == pytest.approx(whole[i], rel=1e-6 if dtype == "float32" else 1e-15)


@pytest.mark.parametrize("objective", [ReddiOnline(**ONLINE | {"dim": 1}), AdoptToy(**TOY | {"dim": 1})])
def test_adam_with_a_short_memory_goes_to_the_worst_end_of_the_box_and_amsgrad_away_from_it(objective):
    ends = {}
    for method in (
        Adam(lr=1e-3, beta1=0.9, beta2=0.9, eps=1e-8),
        AMSGradPaper(lr=1e-3, beta1=0.9, beta2=0.9, eps=1e-8),
    ):
        run = minimize(objective, method, n_steps=200_000, trace="none")
        ends[type(method)] = float(run.theta[0])
    assert ends[Adam] > 0.99
    assert ends[AMSGradPaper] < 0
