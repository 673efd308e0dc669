"""The counter-based random generator: its published values, and the numbers made from its bits."""

import numpy as np
import pytest
from scipy import stats

from adamlab.compiler.numpy_semantics import compile_function, in_numba
from adamlab.compiler.random_numbers import draws
from adamlab.problems import philox
from adamlab.problems.random_streams import stream_key

philox4x32, uniforms = (compile_function(in_numba(function)) for function in (philox.philox4x32, philox.uniforms))
KEY = stream_key(0, "a test")


# Known answers from the authors' code (Random123, kat_vectors).
@pytest.mark.parametrize(
    ("counter", "key", "bits"),
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_the_bits_are_those_the_authors_publish(counter, key, bits):
    words = tuple(map(np.uint64, counter)), tuple(map(np.uint64, key))
    assert philox4x32(*words) == philox.philox4x32(*words) == bits


def test_a_number_is_a_function_of_stream_step_and_coordinate():
    assert uniforms(KEY, 3, 5) == uniforms(KEY, 3, 5)
    others = [uniforms(KEY, 4, 5), uniforms(KEY, 3, 6), uniforms(stream_key(1, "a test"), 3, 5)]
    assert uniforms(KEY, 3, 5) not in others
    assert draws("uniform", KEY, 3, 9)[5] == uniforms(KEY, 3, 5)[0]
    # Large step numbers and coordinates do not wrap around to small ones.
    assert uniforms(KEY, 3 + 2**32, 5) != uniforms(KEY, 3, 5) != uniforms(KEY, 3, 5 + 2**32)


@pytest.mark.parametrize(("kind", "distribution"), [("uniform", stats.uniform), ("normal", stats.norm)])
def test_the_draws_have_their_distribution(kind, distribution):
    over_coordinates = draws(kind, KEY, 1, 100_000)
    over_steps = np.array([draws(kind, KEY, t, 1)[0] for t in range(1, 5001)])
    for sample in (over_coordinates, over_steps):
        assert stats.kstest(sample, distribution.cdf).pvalue > 1e-4
        assert abs(np.corrcoef(sample[1:], sample[:-1])[0, 1]) < 5 / np.sqrt(sample.size)
