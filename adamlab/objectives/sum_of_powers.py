"""The sum of different powers: coordinates from quadratic to almost flat."""

import numpy as np

from adamlab.rules.symbols import Dim, DType, Start, parameters


@parameters
class SumOfPowers:
    """``f(x) = sum of |x_i|^(i+1)``, i from 1; minimum 0 at the origin.

    Near the minimum the curvature of all coordinates but the first vanishes, so no rate of convergence is linear.

    Source: Surjanovic & Bingham's library of test functions, sum of different powers.
    """

    dim: Dim
    x0: Start
    dtype: DType = "float64"

    separable = True
    published = ((-1.0, 2.0), 9.0)

    def data(self):
        """Return the powers i + 1."""
        return (np.arange(2.0, self.dim + 2.0),)

    def value(self, x, power):
        """Return the term of one coordinate."""
        return np.abs(x) ** power

    def gradient(self, x, power):
        """Return the derivative of one coordinate's term."""
        return np.sign(x) * power * np.abs(x) ** (power - 1.0)

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
