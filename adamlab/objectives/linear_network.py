"""A linear network of one layer that learns another: a quadratic in a matrix, for the matrix methods."""

from functools import lru_cache
from typing import Annotated

import numpy as np

from adamlab.problems.random_matrices import symmetric
from adamlab.problems.random_streams import stream
from adamlab.rules.reduction import total
from adamlab.rules.symbols import SEED, Condition, ConfigurationError, Dim, DType, Number, Start, parameters


@parameters
class LinearNetwork:
    """``f(W) = 1/(2 n) |(W - W*) X|_F^2`` for weights W, ``rows`` x ``dim`` / ``rows``; minimum 0 at the teacher W*.

    The n inputs, the columns of X, enter only through their second moments X X^T / n. These have random eigenvectors,
    and eigenvalues spaced geometrically from 1 to ``condition``, which is therefore the condition number of f (and its
    square root that of X). W* is normal with variance 1 / columns. Both are fixed by ``seed``.

    Source: the linear network of one layer, for example Saxe, McClelland & Ganguli 2014 (arXiv:1312.6120).
    """

    dim: Dim
    x0: Start
    rows: Annotated[int, Number("m", "[1, 2^31)", whole=True)]
    condition: Condition
    seed: Annotated[int, SEED]
    dtype: DType = "float64"

    separable = False

    def __post_init__(self):
        """Refuse a ``dim`` that does not fill the rows."""
        if self.dim % self.rows:
            allowed = f"a multiple of rows = {self.rows}"
            raise ConfigurationError(f"LinearNetwork: dim must be {allowed}; it is {self.dim}")

    @property
    def shape(self):
        """Rows and columns of W."""
        return self.rows, self.dim // self.rows

    def data(self):
        """Return the teacher and the inputs' second moments."""
        return lesson(*self.shape, self.condition, self.seed)

    def value(self, x, teacher, moments):
        """Return f at ``x``."""
        error = x.reshape(teacher.shape) - teacher
        return 0.5 * total(error * (error @ moments))

    def gradient(self, x, teacher, moments):
        """Return the gradient at ``x``, flat as ``x`` is."""
        return ((x.reshape(teacher.shape) - teacher) @ moments).reshape(-1)

    def minimisers(self):
        """Return the teacher."""
        teacher, _ = self.data()
        return teacher.reshape(1, -1)

    def minimum(self):
        """Return the value at the minimisers."""
        return 0.0


@lru_cache(maxsize=4)
def lesson(rows, columns, condition, seed):
    """Return the teacher (rows, columns) and the inputs' second moments (columns, columns)."""
    teacher = stream(seed, "linear_network teacher").standard_normal((rows, columns)) / np.sqrt(columns)
    return teacher, symmetric(np.geomspace(1.0, condition, columns), stream(seed, "linear_network inputs"))
