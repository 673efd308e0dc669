"""Log-sum-exp: a smooth version of the largest absolute coordinate."""

from typing import Annotated

import numpy as np

from adamlab.rules.reduction import total
from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class LogSumExp:
    """f(x) = rho log(sum of exp(x_i / rho) + exp(-x_i / rho)), rho = ``temperature``; least at 0, rho log(2 d).

    The function is convex, and lies between ``max |x_i|`` and that plus rho log(2 d). Far from the minimum only the
    largest coordinates have a noticeable gradient.

    Source: Boyd & Vandenberghe 2004, section 3.1.5, of the numbers x_i and -x_i.
    """

    dim: Dim
    x0: Start
    temperature: Annotated[float, Number("ρ", "(0, inf)")]
    dtype: DType = "float64"

    separable = False
    # log(2 + 1/2 + 1 + 1).
    published = ((0.6931471805599453, 0.0), 1.5040773967762742)

    def value(self, x):
        """Return f at ``x``; no exponential overflows."""
        size = np.abs(x)
        largest = np.max(size)
        terms = np.exp((size - largest) / self.temperature) + np.exp((-size - largest) / self.temperature)
        return largest + self.temperature * np.log(total(terms))

    def gradient(self, x):
        """Return the gradient at ``x``; the difference of two exponentials is one expm1, accurate for small x too."""
        size = np.abs(x)
        weight = np.exp((size - np.max(size)) / self.temperature)
        lost = np.expm1(-2.0 * size / self.temperature)
        return np.sign(x) * weight * lost / -x.dtype.type(total(weight * (2.0 + lost)))

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return self.temperature * float(np.log(2.0 * self.dim))
