"""The sphere, the sum of squares: the objective of the blog post that the project started from."""

import numpy as np

from adamlab.rules.symbols import Dim, DType, Start, parameters


@parameters
class Sphere:
    """f(x) = sum of x_i^2; minimum 0 at the origin.

    Source: the blog post that the project started from. All coordinates are alike, so an elementwise method has one
    trajectory.
    """

    dim: Dim
    x0: Start
    dtype: DType = "float64"

    separable = True
    published = ((10.0, 10.0), 200.0)

    def value(self, x):
        """Return the term of one coordinate."""
        return x * x

    def gradient(self, x):
        """Return the derivative of one coordinate's term."""
        return x + x

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
