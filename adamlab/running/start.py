"""Runs whose gradients come from the caller, for example from a training loop or a recorded stream."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from adamlab.problems.problem import Array
from adamlab.rules.symbols import BACKEND, ConfigurationError
from adamlab.running.backends import stepper
from adamlab.running.checks import check_optimizer, floating
from adamlab.running.stepping import Stepper


def start(optimizer: Any, theta0: ArrayLike, *, backend: str = "numba") -> "Run":
    """Return a run of ``optimizer`` that is given one gradient at a time.

    Parameters
    ----------
    optimizer : optimizer
        An optimizer of the package (`adamlab.optimizer`, or an instance of a class in `adamlab.optimizers`).
    theta0 : array_like
        The start: any shape, float64 or float32 (integers become float64). It is copied.
    backend : {"numba", "numpy", "python"}, default "numba"
        How steps are executed: in a compiled loop, on whole arrays, or on one number after another.

    Returns
    -------
    Run
        The run before its first step; `Run.step` takes a step.

    Raises
    ------
    ConfigurationError
        For an unknown backend, something that is no optimizer, or a start of another type.

    See Also
    --------
    adamlab.running.minimize.minimize : A whole run on an objective.

    Notes
    -----
    There is no learning-rate schedule, no stopping rule and no trace: the caller's loop decides when to end.

    Examples
    --------
    >>> import adamlab
    >>> import numpy as np
    >>> run = adamlab.start(adamlab.optimizer("adam", lr=0.1), np.zeros(3), backend="numpy")
    >>> theta = run.step(np.array([1.0, -2.0, 0.0]))
    >>> theta.round(6).tolist()
    [-0.1, 0.1, 0.0]
    >>> run.steps
    1
    """
    BACKEND.check("start", "backend", backend)
    check_optimizer("start", optimizer)
    return Run(stepper(backend, optimizer, None, floating("start", theta0)))


class Run:
    """An optimizer's run that takes one gradient at a time. `start` creates it.

    `step` takes a step, `theta` is the iterate, `reported` the point that the optimizer gives as its answer, and
    `steps` the number of steps taken.

    Parameters
    ----------
    stepping : Stepper
        The stepper that executes the steps.

    Examples
    --------
    Minimize x² + y² in a loop of one's own:

    >>> import adamlab
    >>> import numpy as np
    >>> run = adamlab.start(adamlab.optimizer("sgd", lr=0.25), np.array([1.0, -2.0]), backend="numpy")
    >>> while np.abs(run.theta).max() > 1e-3:
    ...     theta = run.step(2.0 * run.theta)
    >>> run.steps, theta.tolist()
    (11, [0.00048828125, -0.0009765625])
    """

    def __init__(self, stepping: Stepper) -> None:
        self._stepper = stepping
        self._shape, self._dtype = stepping.theta.shape, stepping.theta.dtype

    def step(self, gradient: ArrayLike) -> Array:
        """Take one step with ``gradient`` and return the new iterate.

        Parameters
        ----------
        gradient : array_like
            Gradient at `theta`, of the shape and dtype of the start. It is neither changed nor kept.

        Returns
        -------
        ndarray
            The new iterate, a new array of the shape and dtype of the start.

        Raises
        ------
        ConfigurationError
            If the shape or the dtype differs; then no step is taken.
        """
        gradient = np.asarray(gradient)
        if gradient.shape != self._shape or gradient.dtype != self._dtype:
            expected, given = f"{self._dtype} {self._shape}", f"{gradient.dtype} {gradient.shape}"
            raise ConfigurationError(f"step: the gradient must be {expected}, as theta0 is; it is {given}")
        self._stepper.step(gradient)
        return self._stepper.theta

    @property
    def theta(self) -> Array:
        """Copy of the iterate, the point at which the next gradient is to be evaluated."""
        return self._stepper.theta

    @property
    def reported(self) -> Array:
        """Copy of the point that the optimizer reports: the iterate, or an average for optimizers that average."""
        return self._stepper.reported

    @property
    def steps(self) -> int:
        """Number of steps taken."""
        return self._stepper.t
