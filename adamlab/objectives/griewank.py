"""Griewank's function: a wide bowl under a product of waves."""

from typing import Annotated

import numpy as np

from adamlab.rules.reduction import total
from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class Griewank:
    """f(x) = 1 + sum of x_i^2 / ``scale`` - product of cos(x_i / sqrt(i)), i from 1; minimum 0 at the origin.

    In many dimensions the product, and the waves with it, is small almost everywhere (Locatelli 2003).

    Source: Griewank 1981; Törn & Žilinskas 1989.
    """

    dim: Dim
    x0: Start
    scale: Annotated[float, Number("", "(0, inf)")]
    dtype: DType = "float64"

    separable = False
    # 1 + pi^2 / 4000 - cos(pi) cos(0).
    published = ((3.141592653589793, 0.0), 2.0024674011002723)

    def data(self):
        """Return the frequencies 1 / sqrt(i)."""
        return (1.0 / np.sqrt(np.arange(1.0, self.dim + 1.0)),)

    def value(self, x, frequency):
        """Return f at ``x``."""
        return 1.0 + total(x * x) / self.scale - np.prod(np.cos(frequency * x))

    def gradient(self, x, frequency):
        """Return the gradient at ``x``.

        The product without one factor is the product divided by it, because no floating-point number has the cosine 0.
        """
        angle = frequency * x
        cosine = np.cos(angle)
        wave = x.dtype.type(np.prod(cosine))
        return x / (0.5 * self.scale) + wave * frequency * np.sin(angle) / cosine

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
