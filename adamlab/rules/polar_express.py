"""Odd quintics that take singular values to 1: how the Polar Express finds its own, and how a matrix goes through them.

Source: Amsel, Persson, Musco & Gower 2025 (arXiv:2505.16932). Each polynomial is the best there is (in the greatest
error) on the interval to which those before it have taken [low, 1]; that this greedy composition is the best of all is
their theorem. A cushion keeps the interval of a fit from being so wide that the polynomial all but vanishes inside it.
"""

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Quintic(NamedTuple):
    """The odd polynomial a x + b x^3 + c x^5."""

    a: float
    b: float
    c: float

    def __call__(self, x: Any) -> Any:
        """The value at ``x``."""
        square = x * x
        return x * (self.a + square * (self.b + square * self.c))

    def of(self, factor: float) -> "Quintic":
        """The polynomial that takes ``x`` where this one takes ``factor`` times ``x``."""
        return Quintic(self.a * factor, self.b * factor**3, self.c * factor**5)

    def times(self, factor: float) -> "Quintic":
        """The polynomial ``factor`` times this one."""
        return Quintic(self.a * factor, self.b * factor, self.c * factor)


def minimax_quintic(low: float, high: float) -> tuple[Quintic, float]:
    """The odd quintic nearest to 1 on [low, high] in the greatest error, and that error; 0 < low <= 1 <= high.

    Remez: the polynomial whose error takes one size with changing signs at four points, then its extrema for points,
    until the size stays. What is solved for is the difference from x (1 + y/2 + 3/8 y^2), y = 1 - x^2, the limit as the
    interval shrinks to 1, whose own error is (1 - x)^3 (8 + 9 x + 3 x^2) / 8: no digits cancel however short it is.
    """
    width = max(1 - low * low, high * high - 1)
    if width == 0:
        return Quintic(15 / 8, -10 / 8, 3 / 8), 0.0
    x = low + (high - low) * np.array([0.0, 0.25, 0.75, 1.0])
    error, before = math.inf, math.nan
    for _ in range(100):
        scaled = (1 - x) * (1 + x) / width
        system = np.stack([x, x * scaled, x * scaled**2, np.array([1.0, -1.0, 1.0, -1.0])], axis=1)
        alpha, beta, gamma, error = np.linalg.solve(system, (1 - x) ** 3 * (8 + 9 * x + 3 * x * x) / 8)
        beta, gamma = beta / width, gamma / width**2
        if abs(error - before) <= 1e-15 * abs(error) or width**3 < 1e-15:
            break
        before = error
        x[1:3] = np.sqrt(1 - _roots(15 / 8 + 5 * gamma, 3 * beta - 4 * gamma, alpha - 2 * beta))
    alpha, beta, gamma = 1 + alpha, 1 / 2 + beta, 3 / 8 + gamma
    return Quintic(float(alpha + beta + gamma), float(-(beta + 2 * gamma)), float(gamma)), float(abs(error))


def _roots(a: float, b: float, c: float) -> NDArray[np.float64]:
    """The two roots of a y^2 + b y + c, the greater first, without cancellation."""
    q = -(b + math.copysign(math.sqrt(b * b - 4 * a * c), b)) / 2
    return np.array(sorted((q / a, c / q), reverse=True))


@cache
def polar_express(count: int, low: float, cushion: float = 0.0) -> tuple[Quintic, ...]:
    """The first ``count`` polynomials for singular values in [low, 1].

    Each is fitted on [max(low, cushion * high), high]; where the cushion counts, it is then scaled so that its values
    on the whole of [low, high] lie evenly about 1.
    """
    high, found = 1.0, []
    for _ in range(count):
        p, error = minimax_quintic(max(low, cushion * high), high)
        least = 1 - error
        if cushion * high > low:
            scale = 2 / (p(low) + p(high))
            p = p.times(scale)
            least = p(low)
        found.append(p)
        low, high = least, 2 - least
    return tuple(found)


def composed(polynomials: tuple[Quintic, ...], x: NDArray[Any]) -> NDArray[Any]:
    """The matrix with the singular vectors of ``x``, and its singular values after one polynomial and the next.

    Products of matrices alone, in the dtype of ``x``.
    """
    wide = x if x.shape[0] <= x.shape[1] else x.T
    for p in polynomials:
        gram = wide @ wide.T
        wide = p.a * wide + (p.b * gram + p.c * (gram @ gram)) @ wide
    return wide if x.shape[0] <= x.shape[1] else wide.T
