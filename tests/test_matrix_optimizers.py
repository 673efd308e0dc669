"""Properties of optimizers that act on a matrix; rotation is tested for each optimizer that guarantees it."""

import dataclasses

import numpy as np
import pytest

from adamlab.optimizers.adam import Adam
from adamlab.optimizers.matrix.adafactor_matrix import AdafactorMatrix
from adamlab.optimizers.matrix.adam_mini import AdamMini
from adamlab.optimizers.matrix.muon_polar import MuonPolar
from adamlab.optimizers.matrix.normuon import NorMuon
from adamlab.optimizers.matrix.shampoo import Shampoo
from adamlab.optimizers.matrix.soap import SOAP
from adamlab.optimizers.vector.adafactor import Adafactor
from adamlab.rules.guarantees import Guarantees
from adamlab.rules.methods import acts_on
from adamlab.running.start import start

SHAPES = [(5, 5), (7, 3), (3, 7)]
ADAM = {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
ADAFACTOR = {"lr": 0.1, "beta2_decay": -0.8, "eps1": 1e-12, "eps2": 1e-3, "d": 1.0, "weight_decay": 0.1}


def path(optimizer, theta0, gradient, n_steps=25):
    """Return iterates far from the minimum, where a step that ignores the gradient's length is not yet chaotic."""
    run = start(optimizer, theta0, backend="numpy")
    return np.array([run.step(gradient(run.theta)) for _ in range(n_steps)])


def rotation_gap(optimizer, shape):
    """Return the distance between a run and the same run in rotated coordinates, relative to how far they go."""
    rng = np.random.default_rng(11)
    rows, columns = shape
    theta0 = rng.standard_normal(shape)
    left, right = (np.diag(np.geomspace(1, 9, n)) for n in shape)
    u, v = (np.linalg.qr(rng.standard_normal((n, n)))[0] for n in (rows, columns))
    here = path(optimizer, theta0, lambda x: left @ x @ right)
    there = path(optimizer, u @ theta0 @ v.T, lambda x: (u @ left @ u.T) @ x @ (v @ right @ v.T))
    return np.abs(there - u @ here @ v.T).max() / np.abs(here - theta0).max()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_rotation_rotates_the_trajectory_where_promised(optimizer, shape):
    if not getattr(optimizer, "guarantees", Guarantees()).rotation_equivariant:
        pytest.skip(f"{type(optimizer).__name__} does not promise it")
    # eps bounds the condition of a rank-deficient statistic; at 1e-6 it is 1e10, and rounding errors grow as much.
    if any(field.name == "eps" for field in dataclasses.fields(optimizer)):
        optimizer = dataclasses.replace(optimizer, eps=0.1)
    assert rotation_gap(optimizer, shape) < 1e-9


@pytest.mark.parametrize("other", [Adam(**ADAM), AdamMini(**ADAM, weight_decay=0.0), AdafactorMatrix(**ADAFACTOR)])
def test_a_rotation_does_not_rotate_what_goes_by_coordinates_or_rows(other):
    assert rotation_gap(other, (5, 5)) > 1e-2


def test_soap_follows_a_rotation_where_eigenvectors_are_unique():
    soap = SOAP(lr=0.01, beta1=0.9, beta2=0.9, eps=1e-8, weight_decay=0.1, precondition_frequency=5.0)
    assert rotation_gap(soap, (5, 5)) < 1e-6
    assert rotation_gap(soap, (7, 3)) > 1e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_step_of_shampoo_is_orthogonal(shape):
    g = np.random.default_rng(2).standard_normal(shape)
    step = path(Shampoo(lr=1.0, eps=1e-12), np.zeros(shape), lambda _: g, 1)[0]
    assert np.linalg.svd(step, compute_uv=False) == pytest.approx(np.ones(min(shape)), rel=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_singular_values_of_a_polar_step_lie_about_one(shape):
    g = np.random.default_rng(2).standard_normal(shape)
    step = path(MuonPolar(lr=1.0, momentum=0.9, weight_decay=0.0), np.zeros(shape), lambda _: 1e5 * g, 1)[0]
    values = np.linalg.svd(step, compute_uv=False) / np.sqrt(max(1, shape[0] / shape[1]))
    assert np.abs(values - 1).max() < 0.25


def test_the_rows_of_the_first_step_of_normuon_have_one_length():
    g = np.random.default_rng(2).standard_normal((5, 8)) * np.geomspace(1, 100, 5)[:, None]
    step = path(NorMuon(lr=1.0, momentum=0.9, beta2=0.5, weight_decay=0.0), np.zeros((5, 8)), lambda _: g, 1)[0]
    lengths = np.linalg.norm(step, axis=1)
    assert lengths == pytest.approx(np.full(5, lengths[0]), rel=1e-6)


def test_on_one_column_the_row_methods_are_their_namesakes_on_a_vector():
    theta0, curvature = np.linspace(-1, 2, 6), np.geomspace(1e-3, 1e3, 6)
    mini, adam = AdamMini(**ADAM, weight_decay=0.0), Adam(**ADAM)
    assert np.array_equal(*(path(o, theta0, lambda x: curvature * x) for o in (mini, adam)))
    a, b = (path(o, theta0, lambda x: curvature * x) for o in (AdafactorMatrix(**ADAFACTOR), Adafactor(**ADAFACTOR)))
    assert a == pytest.approx(b, rel=1e-12)


def test_soap_does_not_move_at_its_first_gradient():
    soap = SOAP(lr=0.01, beta1=0.9, beta2=0.9, eps=1e-8, weight_decay=0.1, precondition_frequency=5.0)
    theta0 = np.eye(3)
    assert np.array_equal(path(soap, theta0, lambda x: x + 1, 1)[0], theta0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_gradient_that_is_not_finite_raises_nothing(optimizer, shape):
    if acts_on(optimizer) != "matrix":
        pytest.skip("it calls no decomposition")
    gradient = np.ones(shape)
    gradient[0, 0] = np.nan
    assert np.isnan(path(optimizer, np.ones(shape), lambda _: gradient, 3)).any()
