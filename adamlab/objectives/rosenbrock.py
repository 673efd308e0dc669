"""Rosenbrock's valley in any number of dimensions."""

from typing import Annotated

import numpy as np

from adamlab.rules.reduction import total
from adamlab.rules.symbols import DType, Number, Start, parameters


@parameters
class Rosenbrock:
    """f(x) = sum over i < d of b (x_{i+1} - x_i^2)^2 + (a - x_i)^2; for a = 1 the minimum is 0 at (1, ..., 1).

    For d = 2 the minimum is 0 at (a, a^2) for every a; for more coordinates it is known only for a = 1 (and 0).

    Source: Rosenbrock 1960 (d = 2, a = 1, b = 100, start (-1.2, 1)); the sum over neighbours is the form of De Jong
    1975. Needs ``dim`` >= 2.
    """

    dim: Annotated[int, Number("d", "[2, 2^63)", whole=True)]
    x0: Start
    a: Annotated[float, Number("a", "(-inf, inf)")]
    b: Annotated[float, Number("b", "(0, inf)")]
    dtype: DType = "float64"

    separable = False
    published = ((-1.2, 1.0), 24.2)

    def value(self, x):
        """Return f at ``x``."""
        valley = x[1:] - x[:-1] * x[:-1]
        slope = self.a - x[:-1]
        return total(self.b * (valley * valley) + slope * slope)

    def gradient(self, x):
        """Return the gradient at ``x``."""
        valley = 2.0 * self.b * (x[1:] - x[:-1] * x[:-1])
        g = np.zeros_like(x)
        g[:-1] = -2.0 * x[:-1] * valley - 2.0 * (self.a - x[:-1])
        g[1:] += valley
        return g

    def minimisers(self):
        """Return the point where all terms vanish, or no row if there is none."""
        point = np.full((1, self.dim), self.a)
        point[0, -1] = self.a * self.a
        return point[: self._all_terms_vanish()]

    def minimum(self):
        """Return the value at the minimiser, or nan if the minimiser is not known."""
        return 0.0 if self._all_terms_vanish() else np.nan

    def _all_terms_vanish(self):
        return self.dim == 2 or self.a == self.a * self.a
