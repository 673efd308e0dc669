"""What the theory says of a method's steps: declared beside the rule, and tested of every leaf that declares it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Guarantees:
    """The theorems that hold for a method, with its state as it starts; ``h`` stands for its hyperparameters.

    ``scale_invariant``: with ``eps`` 0 (if it has one), multiplying every gradient by one positive number changes no
    step. ``first_step(h, g)``: where the first step from 0 takes a coordinate whose gradient is ``g``, weight decay
    apart. ``step_bound(h)``: no step moves a coordinate further, weight decay apart. ``rotation_equivariant``: rotating
    a matrix of parameters and its gradients, from left and right, rotates the trajectory.
    """

    scale_invariant: bool = False
    first_step: Callable[[Any, float], float] | None = None
    step_bound: Callable[[Any], float] | None = None
    rotation_equivariant: bool = False


def longest_ratio(beta1: float, beta2: float) -> float:
    """The least upper bound of abs(m) / sqrt(v) over all gradients, for running means m of g and v of g^2.

    By Cauchy and Schwarz, (1 - beta1) / sqrt((1 - beta2) (1 - beta1^2 / beta2)), approached by gradients that grow by
    beta2 / beta1 a step; infinite unless beta1^2 < beta2. One gradient after a long run of zeros reaches the part
    (1 - beta1) / sqrt(1 - beta2), which 1412.6980 (section 2.1) gives as the bound.
    """
    if beta1 == 0:
        return 1 / math.sqrt(1 - beta2)
    if beta1 * beta1 >= beta2:
        return math.inf
    return (1 - beta1) / math.sqrt((1 - beta2) * (1 - beta1 * beta1 / beta2))


def longest_ratio_to_maximum(beta1: float, beta2: float) -> float:
    """The least upper bound of corrected abs(m) / u, for a running mean m of g and the decaying maximum u of abs(g).

    As u >= beta2^k abs(g) for the gradient k steps back, (1 - beta1) / (1 - beta1 / beta2), approached by gradients
    that shrink by beta2 a step; infinite unless beta1 < beta2. 1412.6980 (section 7.1) gives 1 as the bound.
    """
    return (1 - beta1) / (1 - beta1 / beta2) if beta1 < beta2 else math.inf
