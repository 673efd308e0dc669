"""Range checks of hyperparameters."""

import math
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamlab.rules.symbols import Beta1, ConfigurationError, Number, parameters


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_an_interval_holds_what_mathematics_says(x):
    inside = {
        "[0, 1)": 0 <= x < 1,
        "(0, inf)": 0 < x < math.inf,
        "(0, 1]": 0 < x <= 1,
        "(-inf, inf)": math.isfinite(x),
    }
    for allowed, expected in inside.items():
        if expected:
            assert Number("x", allowed).check("it", "x", x) == x
        else:
            with pytest.raises(ConfigurationError) as refused:
                Number("x", allowed).check("it", "x", x)
            assert str(refused.value) == f"it: x must lie in {allowed}; it is {x!r}"


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3)])
def test_a_whole_number_may_be_written_in_any_type(value):
    checked = Number("n", "[1, inf)", whole=True).check("it", "n", value)
    assert checked == 3
    assert type(checked) is int


def test_a_leaf_may_bring_a_letter_of_its_own():
    @parameters
    class Own:
        beta1: Beta1
        gamma: Annotated[float, Number("γ", "(0, inf)")]

    assert Own(beta1=0, gamma=2).gamma == 2.0
    with pytest.raises(ConfigurationError, match=r"Own: gamma must lie in \(0, inf\); it is 0"):
        Own(beta1=0.5, gamma=0)
    with pytest.raises(TypeError):
        Own(beta1=0.5)
