"""The stochastic problem on which Adam goes the wrong way."""

from typing import Annotated

import numpy as np

from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class ReddiStochastic:
    """f(x) = ``large`` x with probability ``probability``, else -``small`` x, on [-1, 1]; measured is the expectation.

    Source: Reddi, Kale & Kumar 2018, section 5 (arXiv:1904.09237), whose expectation is least at -1. Coordinates are
    alike and independent.
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
        """The slope of the expectation, of which float32 would lose digits on the way."""
        return (np.full(self.dim, self._slope()),)

    def value(self, x, slope):
        """One coordinate's term of the expectation."""
        return slope * x

    def gradient(self, x, slope):
        """One coordinate's slope of the expectation, whatever ``x``."""
        return slope + 0.0 * x

    def sampled_gradient(self, x, t, draw, slope):
        """One coordinate's slope of the function that is drawn."""
        return np.where(draw < self.probability, self.large, 0.0 * x - self.small)

    def minimisers(self):
        """The end of the interval to which the expectation falls."""
        return -np.sign([[self._slope()]])

    def minimum(self):
        """The expectation at that end."""
        return -abs(self._slope()) * self.dim

    def _slope(self):
        return self.probability * self.large - (1.0 - self.probability) * self.small
