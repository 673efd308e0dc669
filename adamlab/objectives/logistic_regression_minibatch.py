"""Softmax regression on the digits, a few examples per step."""

from typing import Annotated

from adamlab.problems.digits import examples
from adamlab.problems.networks import drawn, regression_gradient, regression_loss
from adamlab.rules.reduction import squared_length
from adamlab.rules.symbols import Batch, DType, Number, Start, WeightDecay, parameters


@parameters
class LogisticRegressionMinibatch:
    """f(W) = mean cross-entropy of softmax(W [pixels, 1]) on ``batch`` digits + ``l2/2 |W|^2``, W being 10 x 65.

    Source: the problem of Kingma & Ba 2015, section 6.1 (arXiv:1412.6980), with the digits of scikit-learn in place of
    MNIST. Each step draws its examples with replacement; the measured loss is the mean over all of them. The last
    column of W holds the biases, which are penalised like the rest.
    """

    dim: Annotated[int, Number("d", "[650, 650]", whole=True)]
    x0: Start
    l2: WeightDecay
    batch: Batch
    dtype: DType = "float64"

    separable = False
    draws = "uniform"
    shape = (10, 65)
    # With zero weights all ten classes are equally likely.
    published = ((0.0,) * 650, 2.302585092994046)

    def data(self):
        """Return the images as rows, the images as columns, and their classes."""
        return examples()

    def value(self, x, rows, columns, targets):
        """Return f at ``x``."""
        return regression_loss(x, columns, targets) + 0.5 * self.l2 * squared_length(x)

    def gradient(self, x, rows, columns, targets):
        """Return the gradient at ``x``."""
        return regression_gradient(x, rows, columns, targets) + self.l2 * x

    def sampled_gradient(self, x, t, draw, rows, columns, targets):
        """Return the gradient on the drawn examples."""
        rows, columns, targets = drawn(draw, rows, columns, targets)
        return regression_gradient(x, rows, columns, targets) + self.l2 * x

    def n_draws(self):
        """Return the number of draws a step takes, one for each example of a batch."""
        return self.batch
