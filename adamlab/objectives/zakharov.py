"""Zakharov's function: a bowl with one very steep direction."""

import numpy as np

from adamlab.rules.reduction import total
from adamlab.rules.symbols import Dim, DType, Start, parameters


@parameters
class Zakharov:
    """f(x) = sum of x_i^2 + s^2 + s^4, s = sum of i x_i / 2, i from 1; minimum 0 at the origin.

    Source: Surjanovic & Bingham's library of test functions; Jamil & Yang 2013 (arXiv:1308.4008).
    """

    dim: Dim
    x0: Start
    dtype: DType = "float64"

    separable = False
    published = ((1.0, 1.0), 9.3125)

    def data(self):
        """Return the weights i / 2."""
        return (0.5 * np.arange(1.0, self.dim + 1.0),)

    def value(self, x, weight):
        """Return f at ``x``."""
        s = total(weight * x)
        return total(x * x) + s * s * (1.0 + s * s)

    def gradient(self, x, weight):
        """Return the gradient at ``x``."""
        s = x.dtype.type(total(weight * x))
        return 2.0 * x + s * (2.0 + 4.0 * s * s) * weight

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
