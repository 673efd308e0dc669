"""A diagonal quadratic with a given condition number."""

import numpy as np

from adamlab.rules.symbols import Condition, Dim, DType, Start, parameters


@parameters
class Quadratic:
    """f(x) = 1/2 sum of h_i x_i^2, h spaced geometrically from 1 to ``condition``; minimum 0 at the origin.

    Source: the standard test of how a method copes with curvature that differs between axes, for example Nocedal &
    Wright 2006, section 3.3. With ``dim`` 1 the only curvature is 1.
    """

    dim: Dim
    x0: Start
    condition: Condition
    dtype: DType = "float64"

    separable = True
    # The curvatures are 1 and 100.
    published = ((1.0, 1.0), 50.5)

    def data(self):
        """Return the curvatures h, one per coordinate."""
        return (np.geomspace(1.0, self.condition, self.dim),)

    def value(self, x, h):
        """Return the term of one coordinate."""
        return 0.5 * (h * x * x)

    def gradient(self, x, h):
        """Return the derivative of one coordinate's term."""
        return h * x

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
