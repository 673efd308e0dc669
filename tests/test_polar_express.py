"""The polynomials of the Polar Express, compared with the published coefficients and the published errors."""

import numpy as np
import pytest

from adamlab.rules.polar_express import composed, minimax_quintic, polar_express

# Coefficients from the code of Algorithm 1 (arXiv:2505.16932), before its safety margin is applied.
PUBLISHED = [
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
    (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
    (1.875, -1.25, 0.375),
]
CUSHION = 0.02407327424182761


def test_the_construction_gives_the_published_polynomials():
    derived = np.array(polar_express(8, 1e-3, CUSHION))
    published = np.array(PUBLISHED)
    steady = [0, 1, 2, 3, 4, 5, 7]
    assert derived[steady] == pytest.approx(published[steady], rel=1e-14)
    # For this polynomial the interval is so short that the published solver loses digits; with 60 digits it gives ours.
    assert derived[6] == pytest.approx(published[6], rel=5e-11)


@pytest.mark.parametrize(
    ("steps", "worst"),
    [(1, 0.9915), (2, 0.9646), (3, 0.8598), (4, 0.5459), (5, 0.11345), (6, 9.165e-4), (7, 4.81e-10)],
)
def test_the_worst_error_is_the_papers(steps, worst):
    values = np.geomspace(1e-3, 1, 100_001)
    for p in polar_express(steps, 1e-3):
        values = p(values)
    assert np.abs(1 - values).max() == pytest.approx(worst, rel=1e-3)


@pytest.mark.parametrize(("low", "high"), [(1e-3, 1.0), (0.1, 1.9), (0.5, 1.2), (0.99, 1.01), (1 - 1e-4, 1 + 1e-4)])
def test_a_minimax_quintic_takes_its_error_four_times_with_changing_signs(low, high):
    p, error = minimax_quintic(low, high)
    x = np.linspace(low, high, 200_001)
    off = 1 - p(x)
    assert np.abs(off).max() == pytest.approx(error, rel=1e-6, abs=1e-15)
    if error > 1e-10:
        signs = np.sign(off[np.abs(off) > 0.999 * error])
        assert list(signs[np.append(True, signs[1:] != signs[:-1])]) == [1, -1, 1, -1]


def test_the_interval_of_no_length_has_the_limit():
    p, error = minimax_quintic(1.0, 1.0)
    assert (tuple(p), error) == ((1.875, -1.25, 0.375), 0.0)
    assert tuple(minimax_quintic(1 - 1e-6, 1 + 1e-6)[0]) == pytest.approx((1.875, -1.25, 0.375), rel=1e-10)


def test_a_cushion_leaves_the_values_even_about_one():
    x = np.geomspace(1e-3, 1, 100_001)
    for p in polar_express(5, 1e-3, CUSHION):
        x = p(x)
        assert x.max() + x.min() == pytest.approx(2, rel=1e-9)


def test_a_polynomial_of_a_multiple_and_a_multiple_of_a_polynomial():
    p = polar_express(1, 1e-3)[0]
    assert p.of(0.5)(0.6) == pytest.approx(p(0.3), rel=1e-14)
    assert p.times(0.5)(0.6) == pytest.approx(p(0.6) / 2, rel=1e-14)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7)])
def test_a_matrix_keeps_its_singular_vectors(shape, dtype):
    rng = np.random.default_rng(1)
    u, _, v = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    values = np.geomspace(1e-2, 1, min(shape))
    polynomials = polar_express(7, 1e-3, CUSHION)
    result = composed(polynomials, ((u * values) @ v).astype(dtype))
    for p in polynomials:
        values = p(values)
    assert result.dtype == dtype
    assert result == pytest.approx((u * values) @ v, abs=1e-10 if dtype == "float64" else 1e-3)
