"""The stochastic problem on which Adam moves in the wrong direction."""

from typing import Annotated

import numpy as np

from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class ReddiStochastic:
    """f(x) = ``large`` x with probability ``probability``, else -``small`` x, on [-1, 1]; the loss is the expectation.

    Source: Reddi, Kale & Kumar 2018, section 5 (arXiv:1904.09237), whose expectation is least at -1. All coordinates
    have this function, drawn independently.
    """

    dim: Dim
    x0: Start
    probability: Annotated[float, Number("p", "(0, 1)")]
    large: Annotated[float, Number("C", "(0, inf)")]
    small: Annotated[float, Number("", "(0, inf)")]
    dtype: DType = "float64"

    separable = True
    box = (-1.0, 1.0)
    draws = "uniform"
    published = ((1.0,), 0.2)

    def data(self):
        """Return the slope of the expectation, computed here in float64, because float32 would lose digits."""
        return (np.full(self.dim, self._slope()),)

    def value(self, x, slope):
        """Return the term of one coordinate in the expectation."""
        return slope * x

    def gradient(self, x, slope):
        """Return the slope of the expectation in one coordinate, the same for every ``x``."""
        return slope + 0.0 * x

    def sampled_gradient(self, x, t, draw, slope):
        """Return the slope of the drawn function in one coordinate."""
        return np.where(draw < self.probability, self.large, 0.0 * x - self.small)

    def minimisers(self):
        """Return the end of the interval towards which the expectation falls."""
        return -np.sign([[self._slope()]])

    def minimum(self):
        """Return the expectation at that end."""
        return -abs(self._slope()) * self.dim

    def _slope(self):
        return self.probability * self.large - (1.0 - self.probability) * self.small
