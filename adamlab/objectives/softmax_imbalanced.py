"""Softmax regression with a few frequent classes and many rare ones."""

from functools import cache
from typing import Annotated

import numpy as np

from adamlab.problems.networks import regression_gradient, regression_loss
from adamlab.problems.random_streams import stream
from adamlab.rules.symbols import SEED, DType, Family, Number, Start, parameters


@parameters
class SoftmaxImbalanced:
    """f(W) = mean cross-entropy of softmax(W x) over examples of c classes, the k-th 1/k as frequent as the first.

    An example of class k is the k-th unit vector of c dimensions plus a normal vector with standard deviation
    ``noise``; ``rarest`` is the number of examples of the last class. W is c x c, so ``dim`` = c^2. For noise 0 this
    is the setting of the theorem: the loss of class k falls as 1 / (frequency t) under gradient flow, and equally fast
    for all classes under sign descent. The examples are fixed by ``seed``.

    Source: Kunstner et al. 2024 (arXiv:2402.19449), the simple imbalanced setting and the mixture of their code.
    """

    dim: Annotated[int, Family("d", "c^2 for c >= 1 classes", lambda c: c * c)]
    x0: Start
    noise: Annotated[float, Number("σ", "[0, inf)")]
    rarest: Annotated[int, Number("n", "[1, 2^31)", whole=True)]
    seed: Annotated[int, SEED]
    dtype: DType = "float64"

    separable = False
    # With zero weights all twenty classes are equally likely.
    published = ((0.0,) * 400, 2.995732273553991)

    @property
    def shape(self):
        """Rows and columns of W: classes by inputs."""
        classes = round(self.dim**0.5)
        return classes, classes

    def data(self):
        """Return the examples as rows, the examples as columns, and their classes, the frequent ones first."""
        return examples(self.shape[0], self.noise, self.rarest, self.seed)

    def value(self, x, rows, columns, targets):
        """Return f at ``x``."""
        return regression_loss(x, columns, targets)

    def gradient(self, x, rows, columns, targets):
        """Return the gradient at ``x``."""
        return regression_gradient(x, rows, columns, targets)


@cache
def examples(classes, noise, rarest, seed):
    """Return examples from a mixture of normal distributions around the unit vectors; see `SoftmaxImbalanced`."""
    counts = np.rint(rarest * classes / np.arange(1, classes + 1)).astype(np.int64)
    labels = np.repeat(np.arange(classes), counts)
    scatter = stream(seed, "softmax_imbalanced examples").standard_normal((labels.size, classes))
    rows = np.eye(classes)[labels] + noise * scatter
    return rows, np.ascontiguousarray(rows.T), np.ascontiguousarray(np.eye(classes)[labels].T)
