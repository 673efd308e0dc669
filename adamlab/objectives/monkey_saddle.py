"""The monkey saddle: a stationary point with no curvature at all, and no minimum anywhere."""

import numpy as np

from adamlab.rules.symbols import DType, PlaneDim, Start, parameters


@parameters
class MonkeySaddle:
    """f(x, y) = x^3 - 3 x y^2; unbounded below along three valleys that part at the origin, where the Hessian is 0.

    It shows whether a method stalls near a degenerate saddle. Runs diverge in the end; stop them by steps or a target.

    Source: Hilbert & Cohn-Vossen 1932, Anschauliche Geometrie.
    """

    dim: PlaneDim
    x0: Start
    dtype: DType = "float64"

    separable = False
    published = ((2.0, 1.0), 2.0)

    def value(self, x):
        """Return f at ``x``."""
        u, v = x[0], x[1]
        return u * (u * u - 3.0 * v * v)

    def gradient(self, x):
        """Return the gradient at ``x``."""
        u, v = x[0], x[1]
        g = np.empty_like(x)
        g[0] = 3.0 * (u * u - v * v)
        g[1] = -6.0 * u * v
        return g
