"""Properties of optimizers that need a sum over the vector."""

import numpy as np
import pytest

from adamlab.optimizers.adam_reordered import AdamReordered
from adamlab.optimizers.vector.adamh import AdamH
from adamlab.optimizers.vector.cadamw import CAdamW
from adamlab.optimizers.vector.cadamw_paper import CAdamWPaper
from adamlab.optimizers.vector.clion import CLion
from adamlab.optimizers.vector.dadapt_adam import DAdaptAdam
from adamlab.optimizers.vector.lars import LARS
from adamlab.optimizers.vector.mars import MARS
from adamlab.optimizers.vector.prodigy import Prodigy
from adamlab.running.start import start

ADAM = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
RECORDED = np.random.default_rng(7).standard_normal((200, 6)) * [1e-6, 1e-3, 1, 1, 1e3, 1]


def path(optimizer, theta0, gradients):
    run = start(optimizer, theta0, backend="numpy")
    return np.array([run.step(gradient) for gradient in gradients])


def test_adamh_stays_on_its_sphere():
    points = path(AdamH(**ADAM), np.ones(6), RECORDED)
    assert np.linalg.norm(points, axis=1) == pytest.approx(np.full(200, np.sqrt(6)), rel=1e-12)
    assert np.array_equal(path(AdamH(**ADAM), np.zeros(6), RECORDED)[-1], np.zeros(6))


def test_cautious_steps_are_zero_where_mean_and_gradient_disagree():
    for rule in (CAdamW(**ADAM, weight_decay=0.0), CAdamWPaper(**ADAM, weight_decay=0.0)):
        one, two = path(rule, np.zeros(2), [np.array([1.0, 1.0]), np.array([-0.1, 1.0])])
        assert one[0] == two[0]
        assert two[1] < one[1]


def test_cautious_adamw_is_adam_while_all_coordinates_agree():
    same = np.abs(RECORDED)
    plain = path(AdamReordered(**ADAM), np.zeros(6), same)
    assert path(CAdamW(**ADAM, weight_decay=0.0), np.zeros(6), same) == pytest.approx(plain, rel=1e-13)


def test_the_papers_factor_counts_one_more_than_move():
    step = path(CLion(lr=1.0, beta1=0.9, beta2=0.99, weight_decay=0.0), np.zeros(6), [np.array([3.0, -2, 0, 0, 0, 0])])[
        0
    ]
    assert list(step) == [-2.0, 2.0, 0.0, 0.0, 0.0, 0.0]


def test_a_lars_step_is_a_part_of_the_length_of_theta():
    lars = LARS(lr=1.0, momentum=0.0, weight_decay=0.0, trust_coefficient=1e-3)
    theta0 = np.array([3.0, -4.0])
    assert np.linalg.norm(path(lars, theta0, [np.array([1e9, 2e9])])[0] - theta0) == pytest.approx(5e-3, rel=1e-12)


def test_mars_sees_a_gradient_of_length_one_at_most():
    mars = MARS(**ADAM, weight_decay=0.0, gamma=0.0)
    long, unit = (path(mars, np.zeros(2), [k * np.array([0.6, 0.8])] * 3) for k in (1e6, 1.0))
    assert long == pytest.approx(unit, rel=1e-12)


@pytest.mark.parametrize("rule", [Prodigy, DAdaptAdam])
def test_the_estimate_of_the_distance_grows_to_the_size_of_the_distance(rule):
    numbers = {"lr": 1.0, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.0, "d0": 1e-6}
    optimizer = rule(**numbers, **({"d_coef": 1.0} if rule is Prodigy else {}))
    run = start(optimizer, np.full(10, 10.0), backend="numpy")
    for _ in range(2000):
        run.step(np.sign(run.theta))
    assert np.abs(run.theta).max() < 5
