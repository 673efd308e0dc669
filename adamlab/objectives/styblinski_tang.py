"""The Styblinski-Tang function: two valleys per coordinate, one deeper than the other."""

import numpy as np

from adamlab.rules.symbols import Dim, DType, Start, parameters


@parameters
class StyblinskiTang:
    """f(x) = 1/2 sum of x_i^4 - 16 x_i^2 + 5 x_i; minimum about -39.166 d, where all coordinates are about -2.9035.

    Each coordinate alone has another local minimum, about -25.03 at 2.747.

    Source: Styblinski & Tang 1990.
    """

    dim: Dim
    x0: Start
    dtype: DType = "float64"

    separable = True
    published = ((1.0, 2.0), -24.0)

    def value(self, x):
        """Return the term of one coordinate."""
        return 0.5 * x * (x * (x * x - 16.0) + 5.0)

    def gradient(self, x):
        """Return the derivative of one coordinate's term."""
        return x * (2.0 * x * x - 16.0) + 2.5

    def minimisers(self):
        """Return the least root of the derivative, 2 x^3 - 16 x + 5/2, for every coordinate."""
        return np.array([[-2.903534027771177]])

    def minimum(self):
        """Return the value at the minimisers."""
        return self.dim * float(self.value(self.minimisers()[0, 0]))
