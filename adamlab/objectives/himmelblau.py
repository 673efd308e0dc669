"""Himmelblau's function: four minima of equal value."""

import numpy as np

from adamlab.rules.symbols import DType, PlaneDim, Start, parameters


@parameters
class Himmelblau:
    """f(x, y) = (x^2 + y - 11)^2 + (x + y^2 - 7)^2; minimum 0 at four points, one of them (3, 2).

    Source: Himmelblau 1972, Applied Nonlinear Programming.
    """

    dim: PlaneDim
    x0: Start
    dtype: DType = "float64"

    separable = False
    published = ((0.0, 0.0), 170.0)

    def value(self, x):
        """Return f at ``x``."""
        r, s = x[0] * x[0] + x[1] - 11.0, x[0] + x[1] * x[1] - 7.0
        return r * r + s * s

    def gradient(self, x):
        """Return the gradient at ``x``."""
        r, s = x[0] * x[0] + x[1] - 11.0, x[0] + x[1] * x[1] - 7.0
        g = np.empty_like(x)
        g[0] = 4.0 * x[0] * r + 2.0 * s
        g[1] = 2.0 * r + 4.0 * x[1] * s
        return g

    def minimisers(self):
        """Return the four points where both terms vanish; all but the first are roots of a cubic."""
        return np.array(
            [
                [3.0, 2.0],
                [-2.805118086952745, 3.131312518250573],
                [-3.779310253377747, -3.2831859912861696],
                [3.5844283403304917, -1.8481265269644036],
            ]
        )

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
