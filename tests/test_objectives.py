"""What every objective promises; asked of each leaf found in the folder."""

import ast
import inspect
import textwrap
from pathlib import Path

import numpy as np
import pytest

from adamlab.minimize import first_iterate
from adamlab.objectives.quadratic import Quadratic
from adamlab.objectives.rosenbrock import Rosenbrock
from adamlab.objectives.sphere import Sphere
from adamlab.problem import objective_data
from adamlab.symbols import ConfigurationError


def loss(objective, x):
    return float(np.sum(objective.value(x, *objective_data(objective))))


def test_the_file_the_class_and_the_configuration_bear_one_name(objective_name, make_objective):
    cls = type(make_objective(4))
    assert Path(inspect.getmodule(cls).__file__).stem == objective_name
    assert cls.__name__.lower() == objective_name.replace("_", "")


@pytest.mark.parametrize("dim", [2, 5])
def test_the_gradient_is_the_slope_of_the_value(make_objective, dim):
    objective = make_objective(dim)
    for x in (first_iterate(objective), np.random.default_rng(dim).standard_normal(dim)):
        gradient = objective.gradient(x, *objective_data(objective))
        h = 1e-5
        slopes = [(loss(objective, x + h * e) - loss(objective, x - h * e)) / (2 * h) for e in np.eye(dim)]
        assert gradient == pytest.approx(np.array(slopes), rel=1e-6, abs=1e-6)


def test_value_and_gradient_keep_the_dtype(make_objective, dtype):
    objective = make_objective(4, dtype)
    x, data = first_iterate(objective), objective_data(objective)
    assert x.dtype == dtype
    assert objective.gradient(x, *data).dtype == dtype
    assert np.asarray(objective.value(x, *data)).dtype == dtype


def test_a_start_of_several_numbers_is_repeated_to_fill_dim():
    assert first_iterate(Sphere(dim=5, x0=[1.0, 2.0])).tolist() == [1, 2, 1, 2, 1]


def test_the_minima_are_where_the_docstrings_say():
    assert loss(Sphere(dim=3, x0=0.0), np.zeros(3)) == 0
    assert loss(Quadratic(dim=3, x0=0.0, condition=9.0), np.zeros(3)) == 0
    rosenbrock = Rosenbrock(dim=3, x0=0.0, a=1.0, b=100.0)
    assert loss(rosenbrock, np.ones(3)) == 0
    assert np.array_equal(rosenbrock.gradient(np.ones(3)), np.zeros(3))


def test_rosenbrock_at_its_published_start():
    assert loss(Rosenbrock(dim=2, x0=[-1.2, 1.0], a=1.0, b=100.0), np.array([-1.2, 1.0])) == pytest.approx(24.2)


def test_the_curvatures_of_the_quadratic_span_the_condition_number():
    (h,) = objective_data(Quadratic(dim=4, x0=1.0, condition=1000.0))
    assert h == pytest.approx([1, 10, 100, 1000])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Sphere(dim=0, x0=1.0), "Sphere: dim must lie in [1, 2^63); it is 0"),
        (lambda: Sphere(dim=1.5, x0=1.0), "Sphere: dim must be a whole number in [1, 2^63); it is 1.5"),
        (lambda: Rosenbrock(dim=1, x0=1.0, a=1.0, b=1.0), "Rosenbrock: dim must lie in [2, 2^63); it is 1"),
        (lambda: Sphere(dim=1, x0="far"), "Sphere: x0 must be a number in (-inf, inf); it is 'far'"),
        (lambda: Sphere(dim=1, x0=[]), "Sphere: x0 must hold at least one number; it is empty"),
        (
            lambda: Sphere(dim=1, x0=1.0, dtype="float16"),
            "Sphere: dtype must be one of float64, float32; it is 'float16'",
        ),
        (
            lambda: Quadratic(dim=1, x0=1.0, condition=0.5),
            "Quadratic: condition must lie in [1, inf); it is 0.5",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_in_one_sentence(make, sentence):
    with pytest.raises(ConfigurationError) as refused:
        make()
    assert str(refused.value) == sentence


def test_no_whole_number_takes_part_in_arithmetic(make_objective):
    """Beside a float32 array Numba takes a whole number for float64; a float literal is rewritten, see `in_numba`."""
    for function in (make_objective(4).gradient, make_objective(4).value):
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        inside = {id(n) for s in ast.walk(tree) if isinstance(s, ast.Subscript) for n in ast.walk(s.slice)}
        operands = [
            x for n in ast.walk(tree) if isinstance(n, ast.BinOp) for x in (n.left, n.right) if id(n) not in inside
        ]
        assert not [x for x in operands if isinstance(x, ast.Constant) and type(x.value) is int]
