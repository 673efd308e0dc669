"""Softmax regression on the digits, a few examples a step."""

from typing import Annotated

from adamlab.problems.digits import examples
from adamlab.problems.networks import drawn, regression_gradient, regression_loss
from adamlab.rules.reduction import squared_length
from adamlab.rules.symbols import Batch, DType, Number, Start, WeightDecay, parameters


@parameters
class LogisticRegressionMinibatch:
    """f(W) = mean cross-entropy of softmax(W [pixels, 1]) on ``batch`` digits + ``l2``/2 |W|^2, W being 10 x 65.

    Source: the problem of Kingma & Ba 2015, section 6.1 (arXiv:1412.6980), with the digits of scikit-learn in place of
    MNIST. Each step draws its examples with replacement; measured is the mean over all of them. The last column of W
    holds the biases, which are penalised as the rest.
    """

    dim: Annotated[int, Number("d", "[650, 650]", whole=True)]
    x0: Start
    l2: WeightDecay
    batch: Batch
    dtype: DType = "float64"

    separable = False
    draws = "uniform"
    shape = (10, 65)
    # Without weights all ten classes are equally likely.
    published = ((0.0,) * 650, 2.302585092994046)

    def data(self):
        """The images by row, by column, and their classes."""
        return examples()

    def value(self, x, rows, columns, targets):
        """f at ``x``."""
        return regression_loss(x, columns, targets) + 0.5 * self.l2 * squared_length(x)

    def gradient(self, x, rows, columns, targets):
        """The gradient at ``x``."""
        return regression_gradient(x, rows, columns, targets) + self.l2 * x

    def sampled_gradient(self, x, t, draw, rows, columns, targets):
        """The gradient on the examples that are drawn."""
        rows, columns, targets = drawn(draw, rows, columns, targets)
        return regression_gradient(x, rows, columns, targets) + self.l2 * x

    def n_draws(self):
        """One number for each example of a batch."""
        return self.batch
