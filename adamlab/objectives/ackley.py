"""Ackley's function: a plain of dents around a funnel with a sharp tip."""

from typing import Annotated

import numpy as np

from adamlab.rules.reduction import total
from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class Ackley:
    """f(x) = a - a exp(-b sqrt(mean of x_i^2)) + e - exp(mean of cos(c x_i)); minimum 0 at the origin.

    The minimum is the tip of a cone, where f has no gradient; ``gradient`` gives 0 there.

    Source: Ackley 1987 for two dimensions; Bäck 1996 for any number.
    """

    dim: Dim
    x0: Start
    a: Annotated[float, Number("a", "(0, inf)")]
    b: Annotated[float, Number("b", "(0, inf)")]
    c: Annotated[float, Number("c", "(0, inf)")]
    dtype: DType = "float64"

    separable = False
    # At whole numbers all cosines are 1, which leaves 20 (1 - exp(-0.2)).
    published = ((1.0, -1.0), 3.625384938440363)

    def value(self, x):
        """Return f at ``x``, written as differences from the minimum, so that nothing cancels near it."""
        radius = np.sqrt(total(x * x) / x.size)
        half_angle = np.sin(0.5 * self.c * x)
        dents = 2.0 * total(half_angle * half_angle) / x.size
        return -self.a * np.expm1(-self.b * radius) - np.e * np.expm1(-dents)

    def gradient(self, x):
        """Return the gradient at ``x``."""
        number = x.dtype.type
        angle = self.c * x
        radius = number(np.sqrt(total(x * x) / x.size))
        funnel = self.a * self.b * np.exp(-self.b * radius) / radius if radius > 0.0 else number(0.0)
        dents = self.c * np.exp(number(total(np.cos(angle)) / x.size))
        return (funnel * x + dents * np.sin(angle)) / number(x.size)

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0
