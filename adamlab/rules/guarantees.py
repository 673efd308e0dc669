"""Theoretical guarantees about the steps of an optimizer.

A leaf declares its guarantees beside its update rule, and the tests check every guarantee that a leaf declares.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Guarantees:
    """Theorems that hold for an optimizer that starts from its initial state.

    A guarantee that is False or None is not given.

    Attributes
    ----------
    scale_invariant : bool
        Whether multiplying all gradients by one positive number changes no step, with ``eps`` 0 if there is one.
    first_step : callable or None
        ``first_step(h, g)`` returns the value of a coordinate after the first step from 0 with gradient ``g``,
        without weight decay; ``h`` holds the hyperparameters.
    step_bound : callable or None
        ``step_bound(h)`` returns an upper bound on the change of a coordinate in one step, without weight decay.
    rotation_equivariant : bool
        Whether rotating a matrix of parameters and its gradients, from the left and from the right, rotates the
        trajectory.
    """

    scale_invariant: bool = False
    first_step: Callable[[Any, float], float] | None = None
    step_bound: Callable[[Any], float] | None = None
    rotation_equivariant: bool = False


def longest_ratio(beta1: float, beta2: float) -> float:
    """Return the least upper bound of ``abs(m) / sqrt(v)`` over all sequences of gradients.

    Parameters
    ----------
    beta1 : float
        Decay rate of ``m``, the running mean of the gradient ``g``.
    beta2 : float
        Decay rate of ``v``, the running mean of ``g^2``.

    Returns
    -------
    float
        The bound; infinite if ``beta1`` is positive and ``beta1^2 >= beta2``.

    Notes
    -----
    By the Cauchy-Schwarz inequality the bound is ``(1 - beta1) / sqrt((1 - beta2) (1 - beta1^2 / beta2))``. Gradients
    that grow by a factor of ``beta2 / beta1`` per step approach it. A single gradient after many zero gradients
    only reaches ``(1 - beta1) / sqrt(1 - beta2)``, which Kingma & Ba 2015 (arXiv:1412.6980, section 2.1) give as the
    bound.
    """
    if beta1 == 0:
        return 1 / math.sqrt(1 - beta2)
    if beta1 * beta1 >= beta2:
        return math.inf
    return (1 - beta1) / math.sqrt((1 - beta2) * (1 - beta1 * beta1 / beta2))


def longest_ratio_to_maximum(beta1: float, beta2: float) -> float:
    """Return the least upper bound of ``abs(m) / u``, with ``m`` bias-corrected, over all sequences of gradients.

    Parameters
    ----------
    beta1 : float
        Decay rate of ``m``, the running mean of the gradient ``g``.
    beta2 : float
        Decay rate of ``u``, the decaying maximum of ``abs(g)``.

    Returns
    -------
    float
        The bound; infinite unless ``beta1 < beta2``.

    Notes
    -----
    Since ``u >= beta2^k abs(g)`` for the gradient ``g`` of ``k`` steps ago, the bound is
    ``(1 - beta1) / (1 - beta1 / beta2)``. Gradients that shrink by a factor of ``beta2`` per step approach it. Kingma
    & Ba 2015 (arXiv:1412.6980, section 7.1) give 1 as the bound.
    """
    return (1 - beta1) / (1 - beta1 / beta2) if beta1 < beta2 else math.inf
