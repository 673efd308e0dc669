"""The Dixon-Price function: a chain of narrow valleys, each steeper than the one before."""

import numpy as np

from adamlab.rules.reduction import total
from adamlab.rules.symbols import Dim, DType, Start, parameters


@parameters
class DixonPrice:
    """f(x) = (x_1 - 1)^2 + sum over i > 1 of i (2 x_i^2 - x_{i-1})^2; minimum 0 at x_i = 2^(2^(1-i) - 1).

    The sign of the last coordinate is free. For d >= 3 the point (1/3, 0, ..., 0) is a local minimum of value 2/3.

    Source: Dixon & Price 1989; Surjanovic & Bingham's library of test functions.
    """

    dim: Dim
    x0: Start
    dtype: DType = "float64"

    separable = False
    published = ((3.0, 2.0), 54.0)

    def data(self):
        """Return the weights i."""
        return (np.arange(1.0, self.dim + 1.0),)

    def value(self, x, weight):
        """Return f at ``x``."""
        r = np.empty_like(x)
        r[0] = x[0] - 1.0
        r[1:] = 2.0 * x[1:] * x[1:] - x[:-1]
        return total(weight * r * r)

    def gradient(self, x, weight):
        """Return the gradient at ``x``."""
        r = 2.0 * weight[1:] * (2.0 * x[1:] * x[1:] - x[:-1])
        g = np.empty_like(x)
        g[0] = 2.0 * (x[0] - 1.0)
        g[1:] = 4.0 * x[1:] * r
        g[:-1] -= r
        return g

    def minimisers(self):
        """Return the two points where all terms vanish; in one dimension they are the same point."""
        point = 2.0 ** (2.0 ** (1.0 - np.arange(1.0, self.dim + 1.0)) - 1.0)
        signs = np.ones((min(self.dim, 2), self.dim))
        signs[1:, -1] = -1.0
        return signs * point

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
