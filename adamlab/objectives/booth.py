"""Booth's function of two variables."""

import numpy as np

from adamlab.rules.symbols import DType, PlaneDim, Start, parameters


@parameters
class Booth:
    """f(x, y) = (x + 2 y - 7)^2 + (2 x + y - 5)^2; minimum 0 at (1, 3).

    The function is quadratic, with the curvatures 2 and 18 along the diagonals.

    Source: Jamil & Yang 2013 (arXiv:1308.4008), Booth's function.
    """

    dim: PlaneDim
    x0: Start
    dtype: DType = "float64"

    separable = False
    published = ((0.0, 0.0), 74.0)

    def value(self, x):
        """Return f at ``x``."""
        r, s = x[0] + 2.0 * x[1] - 7.0, 2.0 * x[0] + x[1] - 5.0
        return r * r + s * s

    def gradient(self, x):
        """Return the gradient at ``x``."""
        r, s = x[0] + 2.0 * x[1] - 7.0, 2.0 * x[0] + x[1] - 5.0
        g = np.empty_like(x)
        g[0] = 2.0 * r + 4.0 * s
        g[1] = 4.0 * r + 2.0 * s
        return g

    def minimisers(self):
        """Return the one point where both terms vanish."""
        return np.array([[1.0, 3.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
