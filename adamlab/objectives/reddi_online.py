"""The online problem on which Adam goes the wrong way."""

from typing import Annotated

import numpy as np

from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class ReddiOnline:
    """f_t(x) = ``large`` x if t mod ``period`` = 1, else -``small`` x, on [-1, 1]; what is measured is the mean of f_t.

    Source: Reddi, Kale & Kumar 2018, sections 3 and 5 (arXiv:1904.09237). The rare steep function outweighs the others,
    so with the numbers of section 5 every x but -1 has regret; Adam forgets it before it comes again, and goes to 1.
    Coordinates are alike and independent.
    """

    dim: Dim
    x0: Start
    period: Annotated[int, Number("", "[2, 2^53)", whole=True)]
    large: Annotated[float, Number("C", "(0, inf)")]
    small: Annotated[float, Number("", "(0, inf)")]
    dtype: DType = "float64"

    separable = True
    box = (-1.0, 1.0)
    draws = None
    published = ((1.0,), 10 / 101)

    def data(self):
        """The slope of the mean over a period, of which float32 would lose digits on the way."""
        return (np.full(self.dim, self._slope()),)

    def value(self, x, slope):
        """One coordinate's term of the mean over a period."""
        return slope * x

    def gradient(self, x, slope):
        """One coordinate's slope of the mean over a period, whatever ``x``."""
        return slope + 0.0 * x

    def sampled_gradient(self, x, t, draw, slope):
        """One coordinate's slope of f_t."""
        now = self.large if t % self.period == 1.0 else -self.small
        return now + 0.0 * x

    def minimisers(self):
        """The end of the interval to which the mean falls."""
        return -np.sign([[self._slope()]])

    def minimum(self):
        """The mean at that end."""
        return -abs(self._slope()) * self.dim

    def _slope(self):
        return (self.large - self.small * (self.period - 1)) / self.period
