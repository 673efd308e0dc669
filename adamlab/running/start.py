"""Runs whose gradients come from elsewhere: a training loop, or a recorded stream."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from adamlab.problems.problem import Array
from adamlab.rules.symbols import BACKEND, ConfigurationError
from adamlab.running.backends import stepper
from adamlab.running.checks import check_optimizer, floating
from adamlab.running.stepping import Stepper


def start(optimizer: Any, theta0: ArrayLike, *, backend: str = "numba") -> "Run":
    """Begin a run whose gradients come from elsewhere; see `Run`. ``theta0`` is copied."""
    BACKEND.check("start", "backend", backend)
    check_optimizer("start", optimizer)
    return Run(stepper(backend, optimizer, None, floating("start", theta0)))


class Run:
    """A run that is fed one gradient at a time."""

    def __init__(self, stepping: Stepper) -> None:
        self._stepper = stepping
        self._shape, self._dtype = stepping.theta.shape, stepping.theta.dtype

    def step(self, gradient: ArrayLike) -> Array:
        """Take one step and return the new iterate (a fresh array).

        ``gradient`` has theta0's shape and dtype and is neither changed nor kept. Raises `ConfigurationError`
        if it does not.
        """
        gradient = np.asarray(gradient)
        if gradient.shape != self._shape or gradient.dtype != self._dtype:
            expected, given = f"{self._dtype} {self._shape}", f"{gradient.dtype} {gradient.shape}"
            raise ConfigurationError(f"step: the gradient must be {expected}, as theta0 is; it is {given}")
        self._stepper.step(gradient)
        return self._stepper.theta

    @property
    def theta(self) -> Array:
        """A copy of the iterate, where the next gradient belongs."""
        return self._stepper.theta

    @property
    def reported(self) -> Array:
        """A copy of the point the method gives as its answer: the iterate, but for methods that average."""
        return self._stepper.reported

    @property
    def steps(self) -> int:
        """Steps taken."""
        return self._stepper.t
