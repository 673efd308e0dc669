"""Properties that every objective guarantees, tested for each file in the folder."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from adamlab.objectives.ackley import Ackley
from adamlab.objectives.dixon_price import DixonPrice
from adamlab.objectives.griewank import Griewank
from adamlab.objectives.himmelblau import Himmelblau
from adamlab.objectives.levy import Levy
from adamlab.objectives.linear_network import LinearNetwork
from adamlab.objectives.log_sum_exp import LogSumExp
from adamlab.objectives.monkey_saddle import MonkeySaddle
from adamlab.objectives.quadratic import Quadratic
from adamlab.objectives.rastrigin import Rastrigin
from adamlab.objectives.rosenbrock import Rosenbrock
from adamlab.objectives.rotated_quadratic import RotatedQuadratic
from adamlab.objectives.sphere import Sphere
from adamlab.objectives.styblinski_tang import StyblinskiTang
from adamlab.objectives.sum_of_powers import SumOfPowers
from adamlab.problems.problem import objective_data
from adamlab.rules.reduction import total
from adamlab.rules.symbols import ConfigurationError
from adamlab.running.checks import first_iterate

# Tested besides each objective's own dimension, where it allows them.
DIMS = (1, 2, 3, 8, 37)


def loss(objective, x):
    value = objective.value(x, *objective_data(objective))
    return total(value) if objective.separable else float(value)


def slope(objective, x):
    return objective.gradient(x, *objective_data(objective))


def refusal(make_objective, dim):
    """Return the message with which a dimension is refused; None if it is not."""
    try:
        make_objective(dim)
    except ConfigurationError as refused:
        return str(refused)


def in_allowed_dims(make_objective):
    """Return the objective in its own dimension, and in those of DIMS that it allows."""
    return [make_objective(dim) for dim in (None, *DIMS) if dim is None or refusal(make_objective, dim) is None]


def points(objective, count=3):
    """Return the start, if it fits into the dimension, and random points."""
    start = [first_iterate(objective)] if len(objective.x0) <= objective.dim else []
    return [*start, *random_points(objective, count)]


def random_points(objective, count=3):
    """Return points with normally distributed coordinates, clipped to the box if there is one."""
    box = getattr(objective, "box", (-np.inf, np.inf))
    drawn = np.random.default_rng(objective.dim).standard_normal((count, objective.dim))
    return np.clip(drawn, *box).astype(objective.dtype)


def moderate_points(objective):
    """Return random points with no coordinate larger than 1, so that no power of them overflows."""
    return np.clip(random_points(objective), -1, 1)


def known_minimisers(objective):
    if not hasattr(objective, "minimisers"):
        return np.empty((0, objective.dim))
    rows = objective.minimisers()
    return np.broadcast_to(rows, (len(rows), objective.dim))


def test_the_file_the_class_and_the_configuration_bear_one_name(objective_name, make_objective):
    cls = type(make_objective())
    assert Path(inspect.getmodule(cls).__file__).stem == objective_name
    assert cls.__name__.lower() == objective_name.replace("_", "")


def test_the_gradient_is_the_slope_of_the_value(make_objective):
    h = 1e-5
    for objective in in_allowed_dims(make_objective):
        directions = np.eye(objective.dim)
        if objective.dim > 40:
            # A few coordinates at both ends, and random directions across all of them.
            across = np.random.default_rng(0).standard_normal((4, objective.dim))
            directions = np.vstack([directions[:3], directions[-3:], across / np.linalg.norm(across, axis=1)[:, None]])
        for x in points(objective):
            gradient = slope(objective, x)
            differences = [(loss(objective, x + h * u) - loss(objective, x - h * u)) / (2 * h) for u in directions]
            rounding = 1e-15 * abs(loss(objective, x)) / h
            tolerance = 1e-6 * (1 + np.linalg.norm(gradient)) + 10 * rounding
            assert directions @ gradient == pytest.approx(np.array(differences), rel=0, abs=tolerance)


def test_value_and_gradient_are_known_at_the_minimisers(make_objective):
    for objective in in_allowed_dims(make_objective):
        free = getattr(objective, "box", None) is None
        for x in known_minimisers(objective):
            assert loss(objective, x) == pytest.approx(objective.minimum(), rel=1e-14, abs=1e-25)
            # In a box, a minimiser on the boundary may have a gradient that is not 0.
            assert not free or np.linalg.norm(slope(objective, x)) <= 1e-12


def test_nothing_lies_below_the_minimum(make_objective):
    for objective in in_allowed_dims(make_objective):
        if len(known_minimisers(objective)):
            low = objective.minimum() - 1e-12 * abs(objective.minimum())
            away = points(objective, 20)
            near = [m + 1e-3 * x for m in known_minimisers(objective) for x in random_points(objective, 20)]
            box = getattr(objective, "box", (-np.inf, np.inf))
            assert min(loss(objective, np.clip(x, *box)) for x in away + near) >= low


def test_the_value_is_the_published_one(make_objective):
    objective = make_objective()
    if not hasattr(objective, "published"):
        # Only an objective whose data are random may lack a published value.
        assert hasattr(objective, "seed")
        return
    point, value = objective.published
    assert loss(make_objective(len(point)), np.array(point)) == pytest.approx(value, rel=1e-14)


def test_the_gradient_keeps_the_dtype(make_objective, dtype):
    objective = make_objective(None, dtype)
    x = first_iterate(objective)
    assert x.dtype == dtype
    assert slope(objective, x).dtype == dtype
    value = objective.value(x, *objective_data(objective))
    assert value.dtype == dtype if objective.separable else np.isscalar(value)


def test_single_precision_rounds_the_values_of_double(make_objective):
    single, double = make_objective(None, "float32"), make_objective()
    for x in moderate_points(single):
        wide = x.astype(np.float64)
        assert loss(single, x) == pytest.approx(loss(double, wide), rel=1e-4)
        g = slope(double, wide)
        assert slope(single, x) == pytest.approx(g, rel=0, abs=1e-4 * np.max(np.abs(g)))


def test_compiled_value_and_gradient_are_numpys(make_objective, gradient_is_exact, dtype, compiled):
    objective = make_objective(None, dtype)
    for x in (first_iterate(objective), *moderate_points(objective)):
        value, gradient = compiled(objective, x)
        expected_value = objective.value(x, *objective_data(objective))
        expected = slope(objective, x)
        assert gradient.dtype == dtype
        if gradient_is_exact(objective):
            assert np.array_equal(value, expected_value)
            assert gradient.tobytes() == expected.tobytes()
        else:
            # Transcendental functions err by a few units in the last place, and sums of products by somewhat more.
            few = 8 * float(np.finfo(dtype).eps)
            assert value == pytest.approx(expected_value, rel=0, abs=few * float(np.max(np.abs(expected_value))))
            assert gradient == pytest.approx(expected, rel=0, abs=few * float(np.max(np.abs(expected))))


def test_a_dimension_that_is_not_allowed_is_refused_in_one_sentence(make_objective):
    owner = type(make_objective()).__name__
    for dim in (0, *DIMS):
        words = refusal(make_objective, dim)
        if dim == 0 or words is not None:
            assert re.fullmatch(rf"{owner}: dim must [^\n]+; it is {dim}", words)


def test_the_functions_leave_their_arrays_alone(make_objective):
    objective = make_objective()
    data, x = objective_data(objective), first_iterate(objective)
    before = [a.tobytes() for a in (x, *data)]
    objective.value(x, *data)
    objective.gradient(x, *data)
    assert [a.tobytes() for a in (x, *data)] == before


def test_no_whole_number_takes_part_in_arithmetic(make_objective):
    """Numba treats an integer beside a float32 array as float64; float literals are rewritten, see `in_numba`."""
    for function in (make_objective().gradient, make_objective().value):
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        inside = {id(n) for s in ast.walk(tree) if isinstance(s, ast.Subscript) for n in ast.walk(s.slice)}
        operands = [
            x for n in ast.walk(tree) if isinstance(n, ast.BinOp) for x in (n.left, n.right) if id(n) not in inside
        ]
        assert not [x for x in operands if isinstance(x, ast.Constant) and type(x.value) is int]


def test_a_start_of_several_numbers_is_repeated_to_fill_dim():
    assert first_iterate(Sphere(dim=5, x0=[1.0, 2.0])).tolist() == [1, 2, 1, 2, 1]


def test_the_curvatures_of_the_quadratic_span_the_condition_number():
    (h,) = objective_data(Quadratic(dim=4, x0=1.0, condition=1000.0))
    assert h == pytest.approx([1, 10, 100, 1000])


def test_the_rotated_quadratic_has_the_quadratics_curvatures_along_other_axes():
    (h,) = objective_data(Quadratic(dim=6, x0=1.0, condition=1000.0))
    (a,) = objective_data(RotatedQuadratic(dim=6, x0=1.0, condition=1000.0, seed=0))
    assert np.array_equal(a, a.T)
    assert np.linalg.eigvalsh(a) == pytest.approx(h, rel=1e-12)
    assert np.min(np.abs(a - np.diag(np.diag(a)))[~np.eye(6, dtype=bool)]) > 1e-3


def test_a_seed_is_an_instance_of_the_problem():
    for cls, more in ((RotatedQuadratic, {}), (LinearNetwork, {"rows": 2})):
        first, again, other = (cls(dim=6, x0=1.0, condition=9.0, seed=seed, **more).data() for seed in (0, 0, 1))
        assert all(map(np.array_equal, first, again))
        assert not any(map(np.array_equal, first, other))


def test_random_directions_favour_no_axis():
    """The squared components of the first eigenvector have mean 1/3 and standard deviation sqrt(4/45)."""
    n = 2000
    squares = [
        np.linalg.eigh(RotatedQuadratic(dim=3, x0=1.0, condition=4.0, seed=s).data()[0])[1][:, 0] for s in range(n)
    ]
    error = np.mean(np.square(squares), axis=0) - 1 / 3
    assert np.max(np.abs(error)) < 4 * np.sqrt(4 / 45 / n)


def test_the_linear_network_is_the_squared_error_on_its_inputs():
    objective = LinearNetwork(dim=12, x0=0.0, rows=3, condition=50.0, seed=3)
    teacher, moments = objective.data()
    n = 7
    # Inputs with exactly these second moments: a root of them times orthonormal rows.
    rows = np.linalg.qr(np.random.default_rng(0).standard_normal((n, 4)))[0].T
    inputs = np.sqrt(n) * np.linalg.cholesky(moments) @ rows
    w = np.random.default_rng(1).standard_normal(12)
    error = (w.reshape(objective.shape) - teacher) @ inputs
    assert loss(objective, w) == pytest.approx(np.sum(error**2) / (2 * n), rel=1e-12)
    assert slope(objective, w).reshape(3, 4) == pytest.approx(error @ inputs.T / n, rel=1e-10)
    assert np.linalg.cond(inputs) ** 2 == pytest.approx(50.0, rel=1e-10)


def test_himmelblaus_four_minima_are_four():
    points = Himmelblau(dim=2, x0=0.0).minimisers()
    assert len({tuple(np.sign(p)) for p in points}) == len(points) == 4


@pytest.mark.parametrize(("dim", "a", "known"), [(2, 3.0, [[3.0, 9.0]]), (4, 0.0, [[0.0] * 4]), (3, 2.0, [])])
def test_rosenbrocks_minimum_is_given_where_it_is_known(dim, a, known):
    objective = Rosenbrock(dim=dim, x0=1.0, a=a, b=100.0)
    assert objective.minimisers().tolist() == known
    assert all(loss(objective, np.array(point)) == objective.minimum() == 0 for point in known)
    assert known or np.isnan(objective.minimum())


def test_rosenbrock_has_no_point_at_zero_where_none_is_given():
    objective, x = Rosenbrock(dim=3, x0=1.0, a=2.0, b=1.0), np.full(3, 1.5)
    for _ in range(20_000):
        x -= 0.01 * slope(objective, x)
    assert np.linalg.norm(slope(objective, x)) < 1e-9
    assert loss(objective, x) > 0.1


def test_ackleys_tip_is_a_cone():
    objective = Ackley(dim=4, x0=1.0, a=20.0, b=0.2, c=2 * np.pi)
    assert np.array_equal(slope(objective, np.zeros(4)), np.zeros(4))
    down = slope(objective, np.array([1e-9, 0.0, 0.0, 0.0]))
    assert down == pytest.approx([20 * 0.2 / 2, 0, 0, 0], rel=1e-6)


def test_values_near_a_minimum_keep_their_digits():
    x = np.full(3, 1e-9)
    pi = np.pi
    assert loss(Rastrigin(dim=3, x0=1.0, amplitude=10.0), x) == pytest.approx(3e-18 * (1 + 20 * pi**2), rel=1e-9, abs=0)
    assert loss(Ackley(dim=3, x0=1.0, a=20.0, b=0.2, c=1.0), x) == pytest.approx(4e-9, rel=1e-8, abs=0)
    assert slope(LogSumExp(dim=3, x0=1.0, temperature=1.0), x) == pytest.approx(x / 3, rel=1e-12, abs=0)


def test_griewanks_product_may_underflow():
    x = np.full(5000, 600.0)
    objective = Griewank(dim=5000, x0=600.0, scale=4000.0)
    assert slope(objective, x) == pytest.approx(x / 2000, rel=1e-12)


def test_levys_ends_are_as_published():
    """The sum is compared with the published formula, which has different terms at both ends."""
    x = np.random.default_rng(0).uniform(-10, 10, 5)
    w = 1 + (x - 1) / 4
    middle = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
    ends = np.sin(np.pi * w[0]) ** 2 + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    assert loss(Levy(dim=5, x0=1.0), x) == pytest.approx(middle + ends, rel=1e-12)


def test_the_other_valley_of_dixon_price_ends_at_two_thirds():
    objective, x = DixonPrice(dim=3, x0=1.0), np.array([1 / 3, 0.0, 0.0])
    assert loss(objective, x) == pytest.approx(2 / 3)
    assert np.linalg.norm(slope(objective, x)) < 1e-15
    assert all(loss(objective, x + 1e-2 * d) > 2 / 3 for d in np.random.default_rng(0).standard_normal((50, 3)))


def test_styblinski_tangs_other_valley_is_higher():
    objective = StyblinskiTang(dim=1, x0=0.0)
    other = np.max(np.roots([2.0, 0.0, -16.0, 2.5]))
    assert other == pytest.approx(2.7468, abs=1e-4)
    assert loss(objective, np.array([other])) == pytest.approx(-25.0294, abs=1e-4)


@pytest.mark.parametrize("size", [0.0, 1.0, 1e4, 1e300])
def test_log_sum_exp_lies_close_above_the_largest_size(size):
    objective = LogSumExp(dim=3, x0=1.0, temperature=0.5)
    x = size * np.array([1.0, -1.0, 0.5])
    assert size <= loss(objective, x) <= size + 0.5 * np.log(6) * (1 + 1e-15)
    assert np.linalg.norm(slope(objective, x), 1) <= 1 + 1e-15


def test_the_monkey_saddle_is_flat_to_second_order_and_falls_three_ways():
    objective = MonkeySaddle(dim=2, x0=1.0)
    assert not hasattr(objective, "minimum")
    angles = np.arange(0, 2 * np.pi, np.pi / 3)
    values = [loss(objective, 0.1 * np.array([np.cos(angle), np.sin(angle)])) for angle in angles]
    assert values == pytest.approx([1e-3, -1e-3] * 3)


def test_the_powers_start_with_a_square():
    (power,) = objective_data(SumOfPowers(dim=3, x0=1.0))
    assert power.tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Sphere(dim=0, x0=1.0), "Sphere: dim must lie in [1, 2^63); it is 0"),
        (lambda: Sphere(dim=1.5, x0=1.0), "Sphere: dim must be a whole number in [1, 2^63); it is 1.5"),
        (lambda: Rosenbrock(dim=1, x0=1.0, a=1.0, b=1.0), "Rosenbrock: dim must lie in [2, 2^63); it is 1"),
        (lambda: Himmelblau(dim=3, x0=1.0), "Himmelblau: dim must lie in [2, 2]; it is 3"),
        (
            lambda: LinearNetwork(dim=10, x0=0.0, rows=4, condition=2.0, seed=0),
            "LinearNetwork: dim must be a multiple of rows = 4; it is 10",
        ),
        (
            lambda: RotatedQuadratic(dim=2, x0=0.0, condition=2.0, seed=-1),
            "RotatedQuadratic: seed must lie in [0, 2^63); it is -1",
        ),
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
