"""The stochastic problem on which ADOPT converges with any beta2."""

from typing import Annotated

import numpy as np

from adamlab.rules.symbols import Dim, DType, Number, Start, parameters


@parameters
class AdoptToy:
    """f(x) = k^2 x with probability 1 / k, else -k x, on [-1, 1]; the expectation is x, least at -1.

    Source: Taniguchi et al. 2024, the toy problem of the experiments (arXiv:2411.02853), cited from memory. A mean of
    f(x) = x and a ratio k of the two slopes determine both; methods that are invariant to the gradient's scale depend
    on the ratio alone anyway. The noise grows with k. All coordinates have this function, drawn independently.
    """

    dim: Dim
    x0: Start
    k: Annotated[float, Number("k", "[1, inf)")]
    dtype: DType = "float64"

    separable = True
    box = (-1.0, 1.0)
    draws = "uniform"
    published = ((0.5,), 0.5)

    def value(self, x):
        """Return the term of one coordinate in the expectation."""
        return x

    def gradient(self, x):
        """Return the slope of the expectation in one coordinate, the same for every ``x``."""
        return 1.0 + 0.0 * x

    def sampled_gradient(self, x, t, draw):
        """Return the slope of the drawn function in one coordinate."""
        return np.where(draw * self.k < 1.0, self.k * self.k, 0.0 * x - self.k)

    def minimisers(self):
        """Return the lower end of the interval."""
        return np.array([[-1.0]])

    def minimum(self):
        """Return the expectation at that end."""
        return -float(self.dim)
