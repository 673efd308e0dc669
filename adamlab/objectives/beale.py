"""Beale's function of two variables."""

import numpy as np

from adamlab.rules.symbols import DType, PlaneDim, Start, parameters


@parameters
class Beale:
    """f(x, y) = sum over i = 1, 2, 3 of (c_i - x (1 - y^i))^2, c = (1.5, 2.25, 2.625); minimum 0 at (3, 0.5).

    The function is flat along a curved valley, and steep far from it.

    Source: Beale 1958; Moré, Garbow & Hillstrom 1981, function 5, which also gives the start.
    """

    dim: PlaneDim
    x0: Start
    dtype: DType = "float64"

    separable = False
    published = ((1.0, 1.0), 14.203125)

    def value(self, x):
        """Return f at ``x``."""
        u, v = x[0], x[1]
        r = 1.5 - u * (1.0 - v)
        s = 2.25 - u * (1.0 - v * v)
        t = 2.625 - u * (1.0 - v * v * v)
        return r * r + s * s + t * t

    def gradient(self, x):
        """Return the gradient at ``x``."""
        u, v = x[0], x[1]
        p, q, w = 1.0 - v, 1.0 - v * v, 1.0 - v * v * v
        r, s, t = 1.5 - u * p, 2.25 - u * q, 2.625 - u * w
        g = np.empty_like(x)
        g[0] = -2.0 * (r * p + s * q + t * w)
        g[1] = 2.0 * u * (r + 2.0 * v * s + 3.0 * v * v * t)
        return g

    def minimisers(self):
        """Return the one point where all three terms vanish."""
        return np.array([[3.0, 0.5]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
