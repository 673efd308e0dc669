"""A tanh network on the digits, a few examples per step."""

from typing import Annotated

from adamlab.problems.digits import examples
from adamlab.problems.networks import (
    NetworkDim,
    drawn,
    glorot_uniform,
    initial,
    tanh_network_gradient,
    tanh_network_loss,
)
from adamlab.problems.random_streams import stream
from adamlab.rules.reduction import squared_length
from adamlab.rules.symbols import SEED, Batch, DType, Start, WeightDecay, parameters


@parameters
class MLPTanhMinibatch:
    """f = mean cross-entropy of softmax(V [tanh(W [pixels, 1]), 1]) on ``batch`` digits + ``l2/2 |(W, V)|^2``.

    W is h x 65 and V is 10 x (h + 1), laid flat in this order; ``dim`` = 75 h + 10 sets the number of hidden units h.
    The start is ``x0`` times random weights, drawn by ``seed``: uniform as in Glorot & Bengio 2010, biases 0. Each
    step draws its examples with replacement; the measured loss is the mean over all of them.
    """

    dim: NetworkDim
    x0: Start
    l2: WeightDecay
    batch: Batch
    seed: Annotated[int, SEED]
    dtype: DType = "float64"

    separable = False
    draws = "uniform"
    # With zero weights all ten classes are equally likely.
    published = ((0.0,) * 85, 2.302585092994046)

    def data(self):
        """Return the images as rows, the images as columns, and their classes."""
        return examples()

    def start(self):
        """Return the random weights of the start, with biases 0."""
        return initial(glorot_uniform, stream(self.seed, "mlp_tanh start"), self.dim)

    def value(self, x, rows, columns, targets):
        """Return f at ``x``."""
        return tanh_network_loss(x, columns, targets) + 0.5 * self.l2 * squared_length(x)

    def gradient(self, x, rows, columns, targets):
        """Return the gradient at ``x``."""
        return tanh_network_gradient(x, rows, columns, targets) + self.l2 * x

    def sampled_gradient(self, x, t, draw, rows, columns, targets):
        """Return the gradient on the drawn examples."""
        rows, columns, targets = drawn(draw, rows, columns, targets)
        return tanh_network_gradient(x, rows, columns, targets) + self.l2 * x

    def n_draws(self):
        """Return the number of draws a step takes, one for each example of a batch."""
        return self.batch
