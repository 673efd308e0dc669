"""A quotient by multiplication equals the quotient by division bit for bit, or is reported as doubtful."""

import numba
import numpy as np
import pytest

from adamlab.compiler.exact_division import LEAST, MOST, doubtful, fuses, inverses, quotient, without_division
from adamlab.optimizers.adam import Adam, Coefficients
from adamlab.optimizers.sgd import SGD
from adamlab.rules.reduction import LANES
from adamlab.running.backends import stepper

# Mantissas whose rounding can go wrong: next to powers of two, and with long runs of ones or zeros.
EDGES = np.array([1 + k * 2.0**-52 for k in (0, 1, 2, 3, 5, 7)] + [2 - k * 2.0**-52 for k in (1, 2, 3, 4, 5, 9)])


@numba.njit(error_model="numpy")
def quotients(x, b):
    """Return the quotient by multiplication, and whether it is doubtful, for each pair."""
    result, doubts = np.empty(x.size), np.empty(x.size, np.bool_)
    for k in range(x.size):
        result[k] = quotient(x[k], b[k], 1.0 / b[k])
        doubts[k] = doubtful((x[k],), (b[k],))
    return result, doubts


def assert_divides(x, b):
    x, b = (np.ascontiguousarray(part).ravel() for part in np.broadcast_arrays(x, b))
    result, doubts = quotients(x, b)
    with np.errstate(all="ignore"):
        divided = x / b
    same = result.view(np.int64) == divided.view(np.int64)
    assert np.all(same | doubts)
    return doubts


def test_on_edges_and_on_millions_of_random_pairs_it_is_division():
    assert not assert_divides(EDGES[:, None], EDGES[None, :]).any()
    rng = np.random.default_rng(0)
    for _ in range(4):
        x = rng.uniform(1, 2, 1_000_000) * 2.0 ** rng.integers(-899, 899, 1_000_000) * rng.choice([-1, 1], 1_000_000)
        assert not assert_divides(x, 1 - rng.uniform(0, 1, 1_000_000) ** 8).any()
        # Quotients close to a midpoint between two floats: x is next to the rounded product of b and such a midpoint.
        b, middle = rng.uniform(1, 2, 1_000_000), rng.uniform(1, 2, 1_000_000) + 2.0**-53
        assert not assert_divides(np.nextafter(b * middle, rng.choice([0.0, 4.0], 1_000_000)), b).any()
        assert not assert_divides(rng.choice(EDGES, 1_000_000), b).any()


def test_where_it_may_be_wrong_it_doubts():
    extreme = np.array([0.0, -0.0, 5e-324, 1e-310, 1e-300, LEAST / 2, MOST * 2, np.inf, np.nan])
    for x in (extreme, -extreme):
        doubts = assert_divides(x, 0.75)
        assert doubts.tolist() == [False, False] + [True] * 7
    assert assert_divides(1.0, np.array([0.0, -0.0, -0.5, 1e-30, 1e30, np.inf, np.nan])).all()


@pytest.mark.skipif(not fuses(), reason="the machine has no fused multiply-add")
def test_it_is_for_rules_that_divide_by_numbers_of_the_step_in_float64():
    assert without_division(Adam.update, "float64") is not None
    assert without_division(Adam.update, "float32") is None
    assert without_division(SGD.update, "float64") is None


def test_inverses_have_the_names_of_what_they_invert():
    c = Coefficients(*(2.0**k for k in range(len(Coefficients._fields))))
    assert numba.njit(lambda c: inverses(c).correction1)(c) == 1 / c.correction1


@pytest.mark.parametrize("where", [0, LANES - 1, 2 * LANES + 3])
def test_one_doubt_among_many_coordinates_leaves_all_as_divisions_do(where):
    gradient = np.linspace(0.1, 1.0, 3 * LANES)
    gradient[where] = 1e-280
    adam = Adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8)
    runs = [stepper(name, adam, None, np.zeros(3 * LANES)) for name in ("numpy", "numba")]
    for _ in range(3):
        for run in runs:
            run.step(gradient)
        assert runs[0].theta.tobytes() == runs[1].theta.tobytes()
        assert runs[0].step_sq == runs[1].step_sq
