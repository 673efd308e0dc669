"""Loss and gradient of softmax regression and of networks with one hidden layer, in flat parameters.

All functions use NumPy operations that Numba compiles, and keep the dtype. Arrays that hold a whole layer have one
example per column. A layer is processed in place, row by row: a row stays in the first-level cache, whereas each
operation on a whole layer would allocate a new array and fetch it from memory. Numba also compiles operations on rows
in a fraction of the time.

Inputs end in a 1, whose weights are the biases. They are passed in two layouts, because matrix products are fastest
along rows: ``rows``, one example per row, for the gradient, and ``columns``, its transpose, for the logits.
``targets`` holds the labels in an array of shape (classes, examples) with a 1 in each column.
"""

from typing import Annotated

import numpy as np

from adamlab.problems.digits import CLASSES, PIXELS
from adamlab.rules.reduction import total
from adamlab.rules.symbols import Family


def parameters_of(hidden):
    """Return the number of parameters of a network on the digits with ``hidden`` hidden units."""
    return hidden * (PIXELS + 1) + CLASSES * (hidden + 1)


NetworkDim = Annotated[int, Family("d", f"{PIXELS + 1 + CLASSES} h + {CLASSES} for h >= 1 hidden units", parameters_of)]


def example_losses(logits, targets):
    """Return the softmax cross-entropy of each example in nats, shape (n,), from logits of shape (classes, n)."""
    top = greatest(logits)
    odds, chosen = np.zeros_like(top), np.zeros_like(top)
    for k in range(logits.shape[0]):
        odds += np.exp(logits[k] - top)
        chosen += targets[k] * (logits[k] - top)
    return np.log(odds) - chosen


def residuals(logits, targets):
    """Replace the logits by the derivatives of `example_losses`, probabilities minus targets, and return them."""
    top = greatest(logits)
    odds = np.zeros_like(top)
    for k in range(logits.shape[0]):
        logits[k] = np.exp(logits[k] - top)
        odds += logits[k]
    for k in range(logits.shape[0]):
        logits[k] = logits[k] / odds - targets[k]
    return logits


def greatest(logits):
    """Return the greatest logit of each example; subtracting it keeps the exponentials from overflowing."""
    top = logits[0]
    for k in range(1, logits.shape[0]):
        top = np.maximum(top, logits[k])
    return top


def regression_loss(x, columns, targets):
    """Return the mean cross-entropy of softmax regression with weights ``x``, a flattened array (classes, inputs)."""
    logits = x.reshape(targets.shape[0], columns.shape[0]) @ columns
    return total(example_losses(logits, targets)) / targets.shape[1]


def regression_gradient(x, rows, columns, targets):
    """Return the gradient of `regression_loss`, by two matrix products and one softmax."""
    r = residuals(x.reshape(targets.shape[0], columns.shape[0]) @ columns, targets)
    return (r @ rows).ravel() / x.dtype.type(targets.shape[1])


def layers(x, inputs, classes):
    """Return the two weight matrices of a network as views of ``x``: (hidden, inputs) and (classes, hidden + 1)."""
    hidden = (x.size - classes) // (inputs + classes)
    split = hidden * inputs
    return x[:split].reshape(hidden, inputs), x[split:].reshape(classes, hidden + 1)


def weighted_inputs(x, columns, targets):
    """Return the hidden units before activation, in an array (hidden + 1, examples) whose last row is 1."""
    first, _ = layers(x, columns.shape[0], targets.shape[0])
    units = np.ones((first.shape[0] + 1, columns.shape[1]), columns.dtype)
    np.dot(first, columns, units[:-1])
    return units


def output_weights(x, units, targets):
    """Return the weights of the output layer, shape (classes, hidden + 1), which are the last entries of ``x``."""
    size = units.shape[0] * targets.shape[0]
    return x[x.size - size :].reshape(targets.shape[0], units.shape[0])


def output_loss(x, units, targets):
    """Return the mean cross-entropy, given the hidden units."""
    return total(example_losses(output_weights(x, units, targets) @ units, targets)) / targets.shape[1]


def output_residuals(x, units, targets):
    """Return the `residuals` of the output layer, given the hidden units."""
    return residuals(output_weights(x, units, targets) @ units, targets)


def backpropagated(x, rows, units, r, back):
    """Return the gradient of the mean loss from the derivatives ``r`` (logits) and ``back`` (`weighted_inputs`)."""
    gradient = np.empty_like(x)
    of_first, of_second = layers(gradient, rows.shape[1], r.shape[0])
    np.dot(back[:-1], rows, of_first)
    np.dot(r, units.T, of_second)
    return gradient / x.dtype.type(r.shape[1])


def tanh_units(weighted):
    """Replace the `weighted_inputs` by the hidden units of a tanh network, and return them."""
    for j in range(weighted.shape[0] - 1):
        weighted[j] = np.tanh(weighted[j])
    return weighted


def tanh_network_loss(x, columns, targets):
    """Return the mean cross-entropy of a network with one hidden layer of tanh units."""
    return output_loss(x, tanh_units(weighted_inputs(x, columns, targets)), targets)


def tanh_network_gradient(x, rows, columns, targets):
    """Return the gradient of `tanh_network_loss`; the derivative of tanh is 1 minus the square of its value."""
    units = tanh_units(weighted_inputs(x, columns, targets))
    r = output_residuals(x, units, targets)
    back = output_weights(x, units, targets).T @ r
    for j in range(back.shape[0]):
        back[j] *= 1.0 - units[j] * units[j]
    return backpropagated(x, rows, units, r, back)


def relu_units(weighted):
    """Replace the `weighted_inputs` by the hidden units of a rectifier network, and return them."""
    for j in range(weighted.shape[0] - 1):
        weighted[j] = np.maximum(weighted[j], 0.0)
    return weighted


def relu_network_loss(x, columns, targets):
    """Return the mean cross-entropy of a network with one hidden layer of rectifiers."""
    return output_loss(x, relu_units(weighted_inputs(x, columns, targets)), targets)


def relu_network_gradient(x, rows, columns, targets):
    """Return the gradient of `relu_network_loss`; a rectifier's slope is the sign of its value, 0 at the corner."""
    units = relu_units(weighted_inputs(x, columns, targets))
    r = output_residuals(x, units, targets)
    back = output_weights(x, units, targets).T @ r
    for j in range(back.shape[0]):
        back[j] *= np.sign(units[j])
    return backpropagated(x, rows, units, r, back)


def drawn(draw, rows, columns, targets):
    """Return the examples that uniform numbers in [0, 1) select with replacement, as ``(rows, columns, targets)``."""
    i = (draw * rows.shape[0]).astype(np.int64)
    return rows[i], columns[:, i], targets[:, i]


def initial(weights, stream, dim):
    """Return random initial parameters of a network on the digits, with biases 0.

    Parameters
    ----------
    weights : callable
        A function ``weights(stream, outputs, inputs)`` that returns the weights of a layer, such as `glorot_uniform`.
    stream : numpy.random.Generator
        The source of random numbers.
    dim : int
        Number of parameters.

    Returns
    -------
    ndarray of float64, shape (dim,)
        The parameters.
    """
    parameters = np.zeros(dim)
    for layer in layers(parameters, PIXELS + 1, CLASSES):
        outputs, inputs = layer.shape
        layer[:, :-1] = weights(stream, outputs, inputs - 1)
    return parameters


def glorot_uniform(stream, outputs, inputs):
    """Return weights drawn uniformly from +- sqrt(6 / (inputs + outputs)).

    Parameters
    ----------
    stream : numpy.random.Generator
        The source of random numbers.
    outputs, inputs : int
        Size of the layer.

    Returns
    -------
    ndarray of float64, shape (outputs, inputs)
        The weights.

    Notes
    -----
    Source: Glorot & Bengio 2010, equation 16.
    """
    bound = np.sqrt(6 / (inputs + outputs))
    return stream.uniform(-bound, bound, (outputs, inputs))


def he_normal(stream, outputs, inputs):
    """Return weights drawn from a normal distribution with variance 2 / inputs.

    Parameters
    ----------
    stream : numpy.random.Generator
        The source of random numbers.
    outputs, inputs : int
        Size of the layer.

    Returns
    -------
    ndarray of float64, shape (outputs, inputs)
        The weights.

    Notes
    -----
    Source: He et al. 2015, equation 10.
    """
    return np.sqrt(2 / inputs) * stream.standard_normal((outputs, inputs))
