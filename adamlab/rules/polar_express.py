"""Odd quintic polynomials that bring the singular values of a matrix close to 1: the Polar Express.

The module finds the polynomials and applies them to matrices. Each polynomial is the best (its greatest error is the
smallest) on the interval to which the polynomials before it have mapped [low, 1]. The paper proves that this greedy
composition is the best composition of all. A cushion limits the interval that a polynomial is fitted on: a polynomial
fitted on too wide an interval almost vanishes inside it.

Source: Amsel, Persson, Musco & Gower 2025 (arXiv:2505.16932).
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
        """Return the value at ``x``."""
        square = x * x
        return x * (self.a + square * (self.b + square * self.c))

    def of(self, factor: float) -> "Quintic":
        """Return the polynomial whose value at ``x`` is the value of this one at ``factor * x``."""
        return Quintic(self.a * factor, self.b * factor**3, self.c * factor**5)

    def times(self, factor: float) -> "Quintic":
        """Return the polynomial multiplied by ``factor``."""
        return Quintic(self.a * factor, self.b * factor, self.c * factor)


def minimax_quintic(low: float, high: float) -> tuple[Quintic, float]:
    """Return the odd quintic whose greatest distance from 1 on [low, high] is smallest, and that distance.

    Parameters
    ----------
    low, high : float
        The ends of the interval, with ``0 < low <= 1 <= high``.

    Returns
    -------
    polynomial : Quintic
        The minimax approximation of 1.
    error : float
        Its greatest distance from 1 on the interval.

    Notes
    -----
    The Remez algorithm: find the polynomial whose error has the same size and alternating signs at four points, take
    the extrema of its error as the new points, and repeat until the size no longer changes. The linear system is
    solved for the difference from x (1 + y/2 + 3/8 y^2), y = 1 - x^2, which is the polynomial in the limit of an
    interval that shrinks to the point 1, and whose own error is (1 - x)^3 (8 + 9 x + 3 x^2) / 8. So no digits cancel,
    however short the interval is.
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
    """Return the two roots of ``a y^2 + b y + c``, the greater first, computed without cancellation."""
    q = -(b + math.copysign(math.sqrt(b * b - 4 * a * c), b)) / 2
    return np.array(sorted((q / a, c / q), reverse=True))


@cache
def polar_express(count: int, low: float, cushion: float = 0.0) -> tuple[Quintic, ...]:
    """Return the first polynomials of the Polar Express for singular values in [low, 1].

    Parameters
    ----------
    count : int
        Number of polynomials.
    low : float
        Lower end of the interval of the singular values, in (0, 1].
    cushion : float, optional
        Least ratio of the lower to the upper end of an interval that a polynomial is fitted on; 0 sets no limit.

    Returns
    -------
    tuple of Quintic
        The polynomials in the order in which they are applied.

    Notes
    -----
    Let [low, high] be the interval to which the polynomials so far have mapped the singular values. The next
    polynomial is fitted on [max(low, cushion * high), high]. If the cushion raises the lower end, the polynomial is
    then scaled so that its values on the whole of [low, high] lie symmetrically about 1.
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
    """Apply polynomials to the singular values of a matrix, one polynomial after another.

    Parameters
    ----------
    polynomials : tuple of Quintic
        The polynomials in the order in which they are applied.
    x : ndarray, shape (rows, columns)
        The matrix.

    Returns
    -------
    ndarray, shape (rows, columns)
        The matrix with the singular vectors of ``x`` and the new singular values, in the dtype of ``x``.

    Notes
    -----
    Only matrix products are used, no singular value decomposition.
    """
    wide = x if x.shape[0] <= x.shape[1] else x.T
    for p in polynomials:
        gram = wide @ wide.T
        wide = p.a * wide + (p.b * gram + p.c * (gram @ gram)) @ wide
    return wide if x.shape[0] <= x.shape[1] else wide.T
