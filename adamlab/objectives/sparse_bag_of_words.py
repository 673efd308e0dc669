"""Logistic regression on the words of a document, a few documents per step."""

from functools import cache
from typing import Annotated

import numpy as np

from adamlab.problems.random_streams import stream
from adamlab.rules.reduction import squared_length, total
from adamlab.rules.symbols import SEED, Batch, Dim, DType, Number, Start, WeightDecay, parameters


@parameters
class SparseBagOfWords:
    """f(x) = mean over documents of log(1 + exp(-y (sum of x_j over its words))) + ``l2/2 |x|^2``; y = 1 or -1.

    A document is the set of ``length`` words drawn with replacement from ``dim``, the j-th with a probability
    proportional to ``1 / j^exponent`` (Zipf's law). Each word has an opinion, a standard normal number that does not
    depend on its frequency, so that rare words, which appear in few gradients, matter as much as frequent ones; the
    label of a document is 1 with the logistic probability of the sum of its words' opinions. Each step draws ``batch``
    documents with replacement; the measured loss is the mean over all of them. ``seed`` fixes the documents and their
    labels.

    Source: stands in for the film reviews of Kingma & Ba 2015, section 6.1 (arXiv:1412.6980); without their dropout.
    """

    dim: Dim
    x0: Start
    documents: Annotated[int, Number("n", "[1, 2^31)", whole=True)]
    length: Annotated[int, Number("", "[1, 2^31)", whole=True)]
    exponent: Annotated[float, Number("s", "[0, inf)")]
    l2: WeightDecay
    batch: Batch
    seed: Annotated[int, SEED]
    dtype: DType = "float64"

    separable = False
    draws = "uniform"
    # With zero weights both labels are equally likely.
    published = ((0.0,) * 2, 0.6931471805599453)

    def data(self):
        """Return the documents, in the arrays of `written`."""
        return written(self.dim, self.documents, self.length, self.exponent, self.seed)

    def value(self, x, starts, words, document, labels):
        """Return f at ``x``."""
        margins = labels * np.bincount(document, x[words], labels.size).astype(x.dtype)
        return total(np.logaddexp(0.0, -margins)) / labels.size + 0.5 * self.l2 * squared_length(x)

    def gradient(self, x, starts, words, document, labels):
        """Return the gradient at ``x``."""
        margins = labels * np.bincount(document, x[words], labels.size).astype(x.dtype)
        slopes = -labels / (1.0 + np.exp(margins))
        pulls = np.bincount(words, slopes[document], x.size).astype(x.dtype)
        return pulls / x.dtype.type(labels.size) + self.l2 * x

    def sampled_gradient(self, x, t, draw, starts, words, document, labels):
        """Return the gradient on the drawn documents; apart from the penalty, it touches only their words."""
        pulls = np.zeros_like(x)
        for i in (draw * labels.size).astype(np.int64):
            here = words[starts[i] : starts[i + 1]]
            pulls[here] -= labels[i] / (1.0 + np.exp(labels[i] * np.sum(x[here])))
        return pulls / x.dtype.type(draw.size) + self.l2 * x

    def n_draws(self):
        """Return the number of draws a step takes, one for each document of a batch."""
        return self.batch


@cache
def written(words, documents, length, exponent, seed):
    """Return the documents as ``(starts, words, document, labels)``.

    Document i has the words ``words[starts[i]:starts[i + 1]]`` (numbers from 0, the most frequent first, none twice);
    ``document`` holds i for each of these entries, and ``labels`` 1.0 or -1.0 for each document.
    """
    random = stream(seed, "sparse_bag_of_words documents")
    frequency = np.arange(1.0, words + 1.0) ** -exponent
    drawn = random.choice(words, (documents, length), p=frequency / np.sum(frequency))
    drawn.sort(axis=1)
    new = np.diff(drawn, axis=1, prepend=-1) > 0
    document, _ = np.nonzero(new)
    starts = np.concatenate(([0], np.cumsum(np.sum(new, axis=1))))
    opinions = random.standard_normal(words)
    scores = np.bincount(document, opinions[drawn[new]], documents)
    labels = np.where(random.logistic(size=documents) < scores, 1.0, -1.0)
    return starts, drawn[new], document, labels
