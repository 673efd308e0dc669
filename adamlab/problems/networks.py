"""Softmax regression and networks with one hidden layer: loss and gradient in flat parameters.

Everything is in NumPy's terms that Numba compiles, and keeps the dtype. Examples are columns wherever a whole layer is
held, and a layer is worked on in place, row by row: a row lies in the first-level cache, where a whole layer would be
fetched from memory, newly allocated, at each operation; and Numba compiles rows in a fraction of the time. Inputs end
in a 1, whose weights are the biases, and come twice because products of matrices are fastest along rows: ``rows``, one
example a row, for the gradient, and ``columns``, the same transposed, for the logits. ``targets`` are the labels as an
array (classes, examples) with a 1 in each column.
"""

from typing import Annotated

import numpy as np

from adamlab.problems.digits import CLASSES, PIXELS
from adamlab.rules.reduction import total
from adamlab.rules.symbols import Family


def parameters_of(hidden):
    """How many parameters a network on the digits has with so many hidden units."""
    return hidden * (PIXELS + 1) + CLASSES * (hidden + 1)


NetworkDim = Annotated[int, Family("d", f"{PIXELS + 1 + CLASSES} h + {CLASSES} for h >= 1 hidden units", parameters_of)]


def example_losses(logits, targets):
    """The softmax cross-entropy of each example in nats, shape (n,), from logits of shape (classes, n)."""
    top = greatest(logits)
    odds, chosen = np.zeros_like(top), np.zeros_like(top)
    for k in range(logits.shape[0]):
        odds += np.exp(logits[k] - top)
        chosen += targets[k] * (logits[k] - top)
    return np.log(odds) - chosen


def residuals(logits, targets):
    """The derivatives of `example_losses` with respect to the logits, in their place: probabilities less targets."""
    top = greatest(logits)
    odds = np.zeros_like(top)
    for k in range(logits.shape[0]):
        logits[k] = np.exp(logits[k] - top)
        odds += logits[k]
    for k in range(logits.shape[0]):
        logits[k] = logits[k] / odds - targets[k]
    return logits


def greatest(logits):
    """The greatest logit of each example; less it, no exponential overflows."""
    top = logits[0]
    for k in range(1, logits.shape[0]):
        top = np.maximum(top, logits[k])
    return top


def regression_loss(x, columns, targets):
    """The mean cross-entropy of softmax regression with weights ``x``, an array (classes, inputs) laid flat."""
    logits = x.reshape(targets.shape[0], columns.shape[0]) @ columns
    return total(example_losses(logits, targets)) / targets.shape[1]


def regression_gradient(x, rows, columns, targets):
    """The gradient of `regression_loss`: two products of matrices and one softmax."""
    r = residuals(x.reshape(targets.shape[0], columns.shape[0]) @ columns, targets)
    return (r @ rows).ravel() / x.dtype.type(targets.shape[1])


def layers(x, inputs, classes):
    """The parameters of a network as views of ``x``: weights (hidden, inputs) and weights (classes, hidden + 1)."""
    hidden = (x.size - classes) // (inputs + classes)
    split = hidden * inputs
    return x[:split].reshape(hidden, inputs), x[split:].reshape(classes, hidden + 1)


def weighted_inputs(x, columns, targets):
    """What the hidden units are the activations of, in an array (hidden + 1, examples) whose last row is 1."""
    first, _ = layers(x, columns.shape[0], targets.shape[0])
    units = np.ones((first.shape[0] + 1, columns.shape[1]), columns.dtype)
    np.dot(first, columns, units[:-1])
    return units


def output_weights(x, units, targets):
    """The weights of the outputs, (classes, hidden + 1): the last of ``x``."""
    size = units.shape[0] * targets.shape[0]
    return x[x.size - size :].reshape(targets.shape[0], units.shape[0])


def output_loss(x, units, targets):
    """The mean cross-entropy, given the hidden units."""
    return total(example_losses(output_weights(x, units, targets) @ units, targets)) / targets.shape[1]


def output_residuals(x, units, targets):
    """The `residuals` of the outputs, given the hidden units."""
    return residuals(output_weights(x, units, targets) @ units, targets)


def backpropagated(x, rows, units, r, back):
    """The gradient of the mean, from the derivatives with respect to the logits, ``r``, and `weighted_inputs`."""
    gradient = np.empty_like(x)
    of_first, of_second = layers(gradient, rows.shape[1], r.shape[0])
    np.dot(back[:-1], rows, of_first)
    np.dot(r, units.T, of_second)
    return gradient / x.dtype.type(r.shape[1])


def tanh_units(weighted):
    """The hidden units of a tanh network, in place of `weighted_inputs`."""
    for j in range(weighted.shape[0] - 1):
        weighted[j] = np.tanh(weighted[j])
    return weighted


def tanh_network_loss(x, columns, targets):
    """The mean cross-entropy of a network with one hidden layer of tanh units."""
    return output_loss(x, tanh_units(weighted_inputs(x, columns, targets)), targets)


def tanh_network_gradient(x, rows, columns, targets):
    """The gradient of `tanh_network_loss`; the slope of tanh is 1 less the square of its value."""
    units = tanh_units(weighted_inputs(x, columns, targets))
    r = output_residuals(x, units, targets)
    back = output_weights(x, units, targets).T @ r
    for j in range(back.shape[0]):
        back[j] *= 1.0 - units[j] * units[j]
    return backpropagated(x, rows, units, r, back)


def relu_units(weighted):
    """The hidden units of a rectifier network, in place of `weighted_inputs`."""
    for j in range(weighted.shape[0] - 1):
        weighted[j] = np.maximum(weighted[j], 0.0)
    return weighted


def relu_network_loss(x, columns, targets):
    """The mean cross-entropy of a network with one hidden layer of rectifiers."""
    return output_loss(x, relu_units(weighted_inputs(x, columns, targets)), targets)


def relu_network_gradient(x, rows, columns, targets):
    """The gradient of `relu_network_loss`; the slope of a rectifier is the sign of its value, 0 at the corner."""
    units = relu_units(weighted_inputs(x, columns, targets))
    r = output_residuals(x, units, targets)
    back = output_weights(x, units, targets).T @ r
    for j in range(back.shape[0]):
        back[j] *= np.sign(units[j])
    return backpropagated(x, rows, units, r, back)


def drawn(draw, rows, columns, targets):
    """The examples that uniform numbers in [0, 1) pick, with replacement: ``(rows, columns, targets)``."""
    i = (draw * rows.shape[0]).astype(np.int64)
    return rows[i], columns[:, i], targets[:, i]


def initial(weights, stream, dim):
    """Random parameters of a network on the digits: matrices by ``weights(stream, outputs, inputs)``, biases 0."""
    parameters = np.zeros(dim)
    for layer in layers(parameters, PIXELS + 1, CLASSES):
        outputs, inputs = layer.shape
        layer[:, :-1] = weights(stream, outputs, inputs - 1)
    return parameters


def glorot_uniform(stream, outputs, inputs):
    """Weights (outputs, inputs) uniform in +- sqrt(6 / (inputs + outputs)): Glorot & Bengio 2010, equation 16."""
    bound = np.sqrt(6 / (inputs + outputs))
    return stream.uniform(-bound, bound, (outputs, inputs))


def he_normal(stream, outputs, inputs):
    """Weights (outputs, inputs), normal with variance 2 / inputs: He et al. 2015, equation 10."""
    return np.sqrt(2 / inputs) * stream.standard_normal((outputs, inputs))
