"""A quadratic whose gradients have the noise of small batches."""

import numpy as np

from adamlab.rules.symbols import Batch, Dim, DType, Start, parameters


@parameters
class NoisyQuadratic:
    """f(x) = 1/2 sum of h_i (x_i - c_i)^2, c_i ~ N(0, 1 / (h_i B)) drawn anew each step, h_i = 1/i; B is ``batch``.

    The measured loss is the expectation less its constant, 1/2 sum of h_i x_i^2. The gradient of a step has the
    covariance H / B, as the noise of batches is found to have near a minimum.

    Source: Zhang et al. 2019, the noisy quadratic model (arXiv:1907.04164), with their spectrum and C = H.
    """

    dim: Dim
    x0: Start
    batch: Batch
    dtype: DType = "float64"

    separable = True
    draws = "normal"
    published = ((3.0, 4.0), 8.5)

    def data(self):
        """Return the curvatures h and the standard deviations of the gradient's noise, sqrt(h / B)."""
        h = 1.0 / np.arange(1.0, self.dim + 1.0)
        return h, np.sqrt(h / self.batch)

    def value(self, x, h, noise):
        """Return the term of one coordinate."""
        return 0.5 * (h * x * x)

    def gradient(self, x, h, noise):
        """Return the derivative of one coordinate's term."""
        return h * x

    def sampled_gradient(self, x, t, draw, h, noise):
        """Return the derivative of one coordinate's term with its minimum at c; h c is ``noise`` times the draw."""
        return h * x - noise * draw

    def minimisers(self):
        """Return the origin."""
        return np.array([[0.0]])

    def minimum(self):
        """Return 0: at the origin only the constant is left, which the loss omits."""
        return 0.0
