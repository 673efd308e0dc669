"""A quadratic with a given condition number whose axes are not the coordinate axes."""

from functools import lru_cache
from typing import Annotated

import numpy as np

from adamlab.problems.random_matrices import symmetric
from adamlab.problems.random_streams import stream
from adamlab.rules.reduction import total
from adamlab.rules.symbols import SEED, Condition, Dim, DType, Start, parameters


@parameters
class RotatedQuadratic:
    """f(x) = 1/2 x^T A x, A = Q diag(h) Q^T, h spaced geometrically from 1 to ``condition``; minimum 0 at the origin.

    Q is a random rotation, fixed by ``seed``. The curvatures are those of `adamlab.objectives.quadratic`, so where a
    method does worse here than on that objective, the cause is the choice of coordinates. A gradient takes ``dim``
    squared operations, and A takes as much memory.

    Source: the standard test of invariance under rotation, for example Hansen, Ros, Mauny, Schoenauer & Auger 2011.
    """

    dim: Dim
    x0: Start
    condition: Condition
    seed: Annotated[int, SEED]
    dtype: DType = "float64"

    separable = False
    # In one dimension a rotation changes nothing, and the only curvature is 1.
    published = ((3.0,), 4.5)

    def data(self):
        """Return the matrix A."""
        return (curvature(self.dim, self.condition, self.seed),)

    def value(self, x, a):
        """Return f at ``x``."""
        return 0.5 * total(x * (a @ x))

    def gradient(self, x, a):
        """Return the gradient at ``x``."""
        return a @ x

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0


@lru_cache(maxsize=4)
def curvature(dim, condition, seed):
    """Return the matrix A, kept for the last few instances: making it costs as much as thousands of gradients."""
    return symmetric(np.geomspace(1.0, condition, dim), stream(seed, "rotated_quadratic rotation"))
