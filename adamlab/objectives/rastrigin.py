"""Rastrigin's function: a bowl with a lattice of dents."""

from typing import Annotated

import numpy as np

from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class Rastrigin:
    """f(x) = sum of x_i^2 + A (1 - cos(2 pi x_i)), A = ``amplitude``; minimum 0 at the origin.

    Each coordinate has a local minimum near every whole number of absolute value below about pi A.

    Source: Rastrigin 1974 for two dimensions; Mühlenbein, Schomisch & Born 1991 for any number.
    """

    dim: Dim
    x0: Start
    amplitude: Annotated[float, Number("A", "[0, inf)")]
    dtype: DType = "float64"

    separable = True
    published = ((0.5, 1.0), 21.25)

    def value(self, x):
        """Return the term of one coordinate; 1 - cos(2 pi x) is written 2 sin(pi x)^2, without cancellation near 0."""
        s = np.sin(np.pi * x)
        return x * x + 2.0 * self.amplitude * s * s

    def gradient(self, x):
        """Return the derivative of one coordinate's term."""
        turns = 2.0 * np.pi
        return 2.0 * x + turns * self.amplitude * np.sin(turns * x)

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
