"""The sphere, the seed's objective: the sum of squares."""

import numpy as np

from adamlab.rules.symbols import Dim, DType, Start, parameters


@parameters
class Sphere:
    """f(x) = sum of x_i^2; minimum 0 at the origin.

    Source: the seed. Every coordinate is alike, so a method that works coordinate by coordinate has one trajectory.
    """

    dim: Dim
    x0: Start
    dtype: DType = "float64"

    separable = True
    published = ((10.0, 10.0), 200.0)

    def value(self, x):
        """One coordinate's term."""
        return x * x

    def gradient(self, x):
        """One coordinate's derivative."""
        return x + x

    def minimisers(self):
        """The origin."""
        return np.array([[0.0]])

    def minimum(self):
        """The value there."""
        return 0.0
