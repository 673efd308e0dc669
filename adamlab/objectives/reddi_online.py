"""The online problem on which Adam moves in the wrong direction."""

from typing import Annotated

import numpy as np

from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class ReddiOnline:
    """f_t(x) = ``large`` x if t mod ``period`` = 1, else -``small`` x, on [-1, 1]; the loss is the mean of f_t.

    Source: Reddi, Kale & Kumar 2018, sections 3 and 5 (arXiv:1904.09237). The rare steep function outweighs the
    others, so with the numbers of section 5 every x but -1 has regret; Adam forgets that function before it comes
    again, and goes to 1. All coordinates are alike and do not interact.
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
        """Return the slope of the mean over a period, computed here in float64, because float32 would lose digits."""
        return (np.full(self.dim, self._slope()),)

    def value(self, x, slope):
        """Return the term of one coordinate in the mean over a period."""
        return slope * x

    def gradient(self, x, slope):
        """Return the slope of the mean over a period in one coordinate, the same for every ``x``."""
        return slope + 0.0 * x

    def sampled_gradient(self, x, t, draw, slope):
        """Return the slope of f_t in one coordinate."""
        now = self.large if t % self.period == 1.0 else -self.small
        return now + 0.0 * x

    def minimisers(self):
        """Return the end of the interval towards which the mean falls."""
        return -np.sign([[self._slope()]])

    def minimum(self):
        """Return the mean at that end."""
        return -abs(self._slope()) * self.dim

    def _slope(self):
        return (self.large - self.small * (self.period - 1)) / self.period
