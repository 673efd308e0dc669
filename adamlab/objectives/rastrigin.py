"""Rastrigin's function: a bowl with a lattice of dents."""

from typing import Annotated

import numpy as np

from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class Rastrigin:
    """f(x) = sum of x_i^2 + A (1 - cos(2 pi x_i)), A = ``amplitude``; minimum 0 at the origin.

    A coordinate has a local minimum near each whole number whose size is below about pi A.

    Source: Rastrigin 1974 for two dimensions; in any number of them Mühlenbein, Schomisch & Born 1991.
    """

    dim: Dim
    x0: Start
    amplitude: Annotated[float, Number("A", "[0, inf)")]
    dtype: DType = "float64"

    separable = True
    published = ((0.5, 1.0), 21.25)

    def value(self, x):
        """One coordinate's term, 1 - cos(2 pi x) being 2 sin(pi x)^2, in which nothing cancels near the minimum."""
        s = np.sin(np.pi * x)
        return x * x + 2.0 * self.amplitude * s * s

    def gradient(self, x):
        """One coordinate's derivative."""
        turns = 2.0 * np.pi
        return 2.0 * x + turns * self.amplitude * np.sin(turns * x)

    def minimisers(self):
        """The origin."""
        return np.array([[0.0]])

    def minimum(self):
        """The value there."""
        return 0.0
