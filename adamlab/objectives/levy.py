"""Levy's function: a bowl with many dents."""

import numpy as np

from adamlab.rules.symbols import Dim, DType, Start, parameters


@parameters
class Levy:
    """f(x) = sin(pi w_1)^2 + sum of (w_i - 1)^2 (1 + 10 sin(pi w_i + 1)^2), w = 1 + (x - 1) / 4; minimum 0 at all ones.

    For the last coordinate the bracket is 1 + sin(2 pi w_d)^2 instead.

    Source: after Levy & Montalvo 1985; in this form in Surjanovic & Bingham's library of test functions.
    """

    dim: Dim
    x0: Start
    dtype: DType = "float64"

    separable = True
    # Both w are 1.5: 1 + (1 + 10 cos(1)^2) / 4 + 1 / 4.
    published = ((3.0, 3.0), 2.2298164543160723)

    def data(self):
        """Return the numbers that depend on a coordinate's place in the sum.

        ``first`` is 1 for the first coordinate and 0 for the others; the other three give its wave,
        ``height * sin(frequency * (w - 1) + phase)^2``.
        """
        first, height = np.zeros(self.dim), np.full(self.dim, 10.0)
        frequency, phase = np.full(self.dim, np.pi), np.ones(self.dim)
        first[0] = 1.0
        height[-1], frequency[-1], phase[-1] = 1.0, 2.0 * np.pi, 0.0
        return first, height, frequency, phase

    def value(self, x, first, height, frequency, phase):
        """Return the term of one coordinate; a shift of w by 1 changes no squared sine."""
        u = 0.25 * (x - 1.0)
        edge, wave = np.sin(np.pi * u), np.sin(frequency * u + phase)
        return first * edge * edge + u * u * (1.0 + height * wave * wave)

    def gradient(self, x, first, height, frequency, phase):
        """Return the derivative of one coordinate's term."""
        u = 0.25 * (x - 1.0)
        edge = first * (0.25 * np.pi) * np.sin(2.0 * np.pi * u)
        wave, slope = np.sin(frequency * u + phase), np.cos(frequency * u + phase)
        return edge + 0.5 * u * (1.0 + height * wave * (wave + u * frequency * slope))

    def minimisers(self):
        """Return all ones."""
        return np.array([[1.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
