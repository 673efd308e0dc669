"""Properties that every optimizer guarantees, tested for each file in the folder."""

import ast
import dataclasses
import inspect
import textwrap
from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pytest

from adamlab.optimizers.adam import Adam
from adamlab.optimizers.adam_reordered import AdamReordered
from adamlab.optimizers.adamax import AdaMax
from adamlab.optimizers.sgd import SGD
from adamlab.rules.guarantees import Guarantees
from adamlab.rules.methods import acts_on, first_carry, first_state, state_names
from adamlab.rules.symbols import ConfigurationError, symbols
from adamlab.running.start import start

RECORDED = np.random.default_rng(7).standard_normal((40, 6)) * [1e-6, 1e-3, 1, 1, 1e3, 1]
ALLOWED_CALLS = {f"np.{name}" for name in ("sqrt", "abs", "sign", "minimum", "maximum", "where", "arctan2")}
SUMS = {"total", "squared_length", "theta.dtype.type"}


def trajectory(optimizer, gradients, theta0, backend="numpy"):
    run = start(optimizer, theta0, backend=backend)
    return np.array([run.step(gradient) for gradient in gradients])


def test_the_file_the_class_and_the_configuration_bear_one_name(optimizer_name, optimizer):
    module = inspect.getmodule(type(optimizer))
    assert Path(module.__file__).stem == optimizer_name
    assert type(optimizer).__name__.lower() == optimizer_name.replace("_", "")


def test_every_hyperparameter_is_required_frozen_and_given_in_conf(optimizer):
    for field in dataclasses.fields(optimizer):
        assert field.default is dataclasses.MISSING
        assert field.kw_only
        assert isinstance(getattr(optimizer, field.name), float)
    with pytest.raises(dataclasses.FrozenInstanceError):
        optimizer.lr = 1.0


def test_a_number_out_of_range_is_refused_by_name_and_range(optimizer):
    numbers = dataclasses.asdict(optimizer)
    for name, symbol in symbols(type(optimizer)).items():
        for wrong in (float("nan"), float("inf"), -1e9, "abc", None, True):
            with pytest.raises(ConfigurationError) as refused:
                type(optimizer)(**numbers | {name: wrong})
            assert str(refused.value).startswith(f"{type(optimizer).__name__}: {name} must ")
            assert symbol.allowed in str(refused.value)


def test_the_state_starts_as_stated_and_apart_from_the_start(optimizer, dtype):
    theta = np.linspace(-1, 1, 6).astype(dtype).reshape((6, 1) if acts_on(optimizer) == "matrix" else 6)
    states = first_state(optimizer, theta)
    assert len(states) == len(state_names(optimizer.__class__))
    for state in states:
        if isinstance(state, np.ndarray):
            assert state.dtype == dtype
            assert not np.shares_memory(state, theta)
    if not hasattr(optimizer, "first_state"):
        assert all(state.shape == theta.shape and not state.any() for state in states)


def test_the_docstring_names_the_source(optimizer):
    assert "Source:" in inspect.getdoc(type(optimizer))


def test_the_rule_has_no_number_no_branch_and_only_elementary_operations(optimizer):
    if acts_on(optimizer) == "matrix":
        pytest.skip("a matrix rule is NumPy's")
    tree = ast.parse(textwrap.dedent(inspect.getsource(optimizer.update)))
    body = [n for n in ast.walk(tree) if not (isinstance(n, ast.Constant) and isinstance(n.value, str))]
    assert not [n for n in body if isinstance(n, ast.Constant | ast.If | ast.IfExp | ast.For | ast.While | ast.Pow)]
    calls = {ast.unparse(n.func) for n in body if isinstance(n, ast.Call)}
    assert calls <= ALLOWED_CALLS | (SUMS if acts_on(optimizer) == "vector" else set())


def test_the_dtype_of_the_start_is_kept(optimizer, dtype):
    for backend in ("python", "numpy", "numba"):
        assert trajectory(optimizer, RECORDED[:2].astype(dtype), np.zeros(6, dtype), backend).dtype == dtype


def test_turning_every_sign_around_turns_the_trajectory_around(optimizer):
    theta0 = np.linspace(-1, 1, 6)
    plain = with_numbers(optimizer, initial=0.0)
    there, back = trajectory(plain, RECORDED, theta0), trajectory(plain, -RECORDED, -theta0)
    assert np.array_equal(there, -back)


def test_a_zero_gradient_from_the_start_moves_nothing(optimizer):
    plain = with_numbers(optimizer, weight_decay=0.0, initial=0.0)
    assert np.array_equal(trajectory(plain, np.zeros((3, 6)), np.arange(6.0))[-1], np.arange(6.0))


@pytest.mark.parametrize("backend", ["python", "numpy", "numba"])
def test_neither_the_start_nor_a_gradient_is_changed_or_kept(optimizer, backend):
    theta0, gradient = np.ones(6), RECORDED[3].copy()
    run = start(optimizer, theta0, backend=backend)
    first = run.step(gradient)
    assert np.array_equal(theta0, np.ones(6))
    assert np.array_equal(gradient, RECORDED[3])
    kept = first.copy()
    first[:] = theta0[:] = gradient[:] = np.nan
    again = run.step(RECORDED[4].copy())
    assert np.array_equal(run.theta, again)
    expected = trajectory(optimizer, RECORDED[3:5], np.ones(6), backend)
    assert np.array_equal(kept, expected[0])
    assert np.array_equal(again, expected[1])


def test_rounding_stays_within_a_few_units_of_a_50_digit_computation(optimizer):
    if acts_on(optimizer) != "coordinate":
        pytest.skip("sums are taken in float64")
    getcontext().prec = 50
    exact = type(optimizer).__new__(type(optimizer))
    for name, number in dataclasses.asdict(optimizer).items():
        object.__setattr__(exact, name, Decimal(number))
    theta = np.array([Decimal(1)] * 6, dtype=object)
    starts = first_state(optimizer, np.ones(6))
    state = [np.array([Decimal(x) for x in start], dtype=object) for start in starts]
    carry = tuple(Decimal(number) for number in first_carry(type(optimizer)))
    for t, gradient in enumerate(RECORDED, start=1):
        c, carry = exact.coefficients(t, *carry)
        c = c._make(Decimal(number) for number in c)
        theta, *state = exact.update(c, np.array([Decimal(x) for x in gradient], dtype=object), theta, *state)
    ours = trajectory(optimizer, RECORDED, np.ones(6))[-1]
    # The bias corrections subtract nearly equal numbers: an error of one unit in beta2^t becomes 1/(1 - beta2) units.
    error = np.array([float(abs(Decimal(x) - y)) for x, y in zip(ours, theta, strict=True)])
    assert np.all(error <= 200 * np.spacing(np.abs(ours).max()))


def with_numbers(optimizer, **numbers):
    """Return the same optimizer with other hyperparameters, as far as it has them."""
    fields = {field.name for field in dataclasses.fields(optimizer)}
    return dataclasses.replace(optimizer, **{name: number for name, number in numbers.items() if name in fields})


def declared(optimizer, promise):
    """Return what a leaf guarantees; skip the test for a leaf that does not guarantee it."""
    found = getattr(getattr(optimizer, "guarantees", Guarantees()), promise)
    if not found:
        pytest.skip(f"{type(optimizer).__name__} does not promise it")
    return found


def test_the_first_step_is_as_promised(optimizer):
    expected = declared(optimizer, "first_step")
    plain = with_numbers(optimizer, weight_decay=0.0)
    gradient = np.array([1e-4, -3.0, 1e6, 0.25])
    step = trajectory(plain, [gradient], np.zeros(4))[0]
    assert step == pytest.approx([expected(plain, g) for g in gradient], rel=1e-12)


def test_a_power_of_two_in_every_gradient_changes_no_bit_where_scale_invariance_is_promised(optimizer):
    declared(optimizer, "scale_invariant")
    plain = with_numbers(optimizer, eps=0.0)
    theta0 = np.linspace(-1, 1, 6)
    once = trajectory(plain, RECORDED, theta0)
    assert np.all(np.isfinite(once))
    assert np.array_equal(once, trajectory(plain, RECORDED * 2.0**20, theta0))


def test_no_step_is_longer_than_promised(optimizer):
    bound = declared(optimizer, "step_bound")
    plain = with_numbers(optimizer, weight_decay=0.0)
    rng = np.random.default_rng(5)
    growing = np.geomspace(1e-100, 1e100, 2000) if not hasattr(plain, "beta1") else np.ones(2000)
    if hasattr(plain, "beta1") and hasattr(plain, "beta2") and plain.beta1 > 0:
        growing = (plain.beta2 / plain.beta1) ** np.arange(-2000.0, 0.0)
    late = np.append(np.zeros(1999), 1.0)
    shrinking = getattr(plain, "beta2", 0.9) ** np.arange(2000.0)
    columns = [rng.standard_cauchy(2000), np.ones(2000), late, growing, shrinking, rng.standard_normal(2000)]
    path = trajectory(plain, np.stack(columns, axis=1), np.zeros(6), "numba")
    longest = np.abs(np.diff(path, axis=0, prepend=0.0)).max()
    assert longest <= bound(plain) * (1 + 1e-9)


NUMBERS = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def test_growing_gradients_take_adam_beyond_the_papers_bound_and_up_to_ours():
    rule = Adam(lr=1.0, **NUMBERS)
    growing = (0.999 / 0.9) ** np.arange(-3000.0, 0.0)[:, None] * 1e10
    longest = np.abs(np.diff(trajectory(rule, growing, np.zeros(1), "numba"), axis=0)).max()
    papers = (1 - 0.9) / np.sqrt(1 - 0.999)
    assert longest > 2 * papers
    assert longest == pytest.approx(rule.guarantees.step_bound(rule), rel=0.05)


def test_shrinking_gradients_take_adamax_beyond_the_papers_bound_and_up_to_ours():
    rule = AdaMax(lr=1.0, beta1=0.9, beta2=0.95)
    shrinking = 0.95 ** np.arange(500.0)[:, None]
    longest = np.abs(np.diff(trajectory(rule, shrinking, np.zeros(1)), axis=0)).max()
    assert longest > 1.8
    assert longest == pytest.approx(rule.guarantees.step_bound(rule), rel=1e-6)


def test_adam_reordered_is_adam_with_its_epsilon_scaled():
    reordered = AdamReordered(lr=0.1, beta1=0.9, beta2=0.999, eps=0.0)
    printed = Adam(lr=0.1, beta1=0.9, beta2=0.999, eps=0.0)
    a, b = (trajectory(rule, RECORDED, np.zeros(6)) for rule in (reordered, printed))
    assert a == pytest.approx(b, rel=1e-12)


def test_sgd_is_the_sum_of_its_gradients():
    path = trajectory(SGD(lr=0.5), RECORDED, np.zeros(6))
    assert path[-1] == pytest.approx(-0.5 * RECORDED.sum(axis=0), rel=1e-12)
