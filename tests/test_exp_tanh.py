"""exp and tanh in compiled code: accurate, and as IEEE 754 defines them at the ends of the range."""

import numpy as np
import pytest

from adamlab.compiler.numpy_semantics import compile_function, in_numba

EXTREME = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-320, -1e-320, 1e-9, -1e-9, 1000.0, -1000.0, 1e308, -1e308]


def exp(x):
    return np.exp(x)


def tanh(x):
    return np.tanh(x)


compiled_exp, compiled_tanh = (compile_function(in_numba(function)) for function in (exp, tanh))


def units(x, function, compiled):
    """Return the largest error of `compiled`, in units in the last place of the result."""
    exact = function(x.astype(np.longdouble))
    return np.max(np.abs((compiled(x) - exact) / np.spacing(np.abs(exact).astype(np.float64))))


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="long double is no more precise than float64 here")
def test_the_errors_stay_within_what_is_said():
    random = np.random.default_rng(0)
    magnitudes = 10.0 ** random.uniform(-12, 0, 100_000) * random.choice([-1.0, 1.0], 100_000)
    assert units(np.linspace(-708, 709.7, 300_001), np.exp, compiled_exp) < 1.5
    assert units(magnitudes, np.exp, compiled_exp) < 1.5
    assert units(np.linspace(-25, 25, 300_001), np.tanh, compiled_tanh) < 3
    assert units(magnitudes, np.tanh, compiled_tanh) < 3


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_ends_and_zeros_are_those_of_ieee(dtype):
    x = np.array(EXTREME).astype(dtype)
    for function, compiled in ((np.exp, compiled_exp), (np.tanh, compiled_tanh)):
        expected, found = function(x), compiled(x)
        assert found.dtype == dtype
        assert found == pytest.approx(expected, rel=1e-6 if dtype == "float32" else 1e-15, nan_ok=True)
        assert np.array_equal(
            np.signbit(found[:-1])[~np.isnan(found[:-1])], np.signbit(expected[:-1])[~np.isnan(x[:-1])]
        )


def test_results_below_the_normal_numbers_underflow_gradually():
    x = np.linspace(-745, -709, 1000)
    assert np.abs(compiled_exp(x) - np.exp(x)).max() <= 2 * 5e-324


def test_numbers_give_what_arrays_give_whatever_their_shape(dtype):
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(dtype)
    for compiled in (compiled_exp, compiled_tanh):
        whole = compiled(x)
        assert np.array_equal(compiled(x.T), whole.T)
        assert np.array_equal(compiled(x[:, 1]), whole[:, 1])
        for i in np.ndindex(x.shape):
            assert compiled(x[i]) == whole[i]
