"""What all backends share: the protocol of a stepper, the rule under a schedule, and gradients by function calls."""

import copy
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from adamlab.problems.problem import Array, Problem
from adamlab.rules.stopping import GOES_ON, Stopping, after_step, at_point
from adamlab.rules.underflow import flushed
from adamlab.schedules.constant import Constant


class Stepper(Protocol):
    """One run in progress.

    Attributes
    ----------
    t : int
        Number of steps taken.
    step_sq : float
        Squared L2 length of the last step; nan before the first.
    stopped : int
        Why the run has ended, as in `adamlab.rules.stopping`; ``GOES_ON`` while it has not.
    """

    t: int
    step_sq: float
    stopped: int

    @property
    def theta(self) -> Array:
        """Copy of the iterate, the point at which the next gradient is to be evaluated."""

    @property
    def reported(self) -> Array:
        """Copy of the point that the optimizer reports: the iterate, unless its class names a state (``reports``)."""

    def step(self, gradient: Array) -> None:
        """Take one step.

        Parameters
        ----------
        gradient : ndarray
            Gradient at `theta`, of its shape and dtype. It is not changed.
        """

    def advance(self, until: int, stopping: Stopping) -> None:
        """Take steps up to number ``until``, or until a stopping rule holds or a step is not finite.

        Parameters
        ----------
        until : int
            Number of the last step to take.
        stopping : Stopping
            The stopping rules.
        """

    def measure(self) -> tuple[float, float, float]:
        """Measure the reported point.

        Returns
        -------
        loss : float
            Value of the objective, without noise.
        gradient_sq : float
            Squared L2 length of the exact gradient.
        distance_sq : float
            Squared L2 distance to the nearest known minimiser; nan if none is known.
        """


class Rule:
    """An optimizer under a schedule, which gives the coefficients that all coordinates of a step share.

    Parameters
    ----------
    optimizer : dataclass
        An instance of a class in `adamlab.optimizers`.
    schedule : dataclass
        An instance of a class in `adamlab.schedules`.
    n_steps : int
        Number of steps over which the schedule extends.
    """

    def __init__(self, optimizer: Any, schedule: Any, n_steps: int) -> None:
        self.optimizer, self.schedule, self.n_steps = optimizer, schedule, n_steps

    def coefficients(self, t: int, carry: tuple[float, ...]) -> tuple[Any, tuple[float, ...]]:
        """Return the coefficients of step ``t``, with the learning rate that the schedule gives, and the next carry.

        Parameters
        ----------
        t : int
            Number of the step, from 1.
        carry : tuple of float
            What the previous step handed over; at step 1 the defaults of the optimizer's ``coefficients``.

        Returns
        -------
        coefficients : namedtuple of float
            What ``update`` takes as ``c``.
        carry : tuple of float
            What the next step receives.
        """
        optimizer = self.optimizer
        if not isinstance(self.schedule, Constant):
            optimizer = copy.copy(optimizer)
            # Set without the range check: the learning rate of a step may be 0, that of a run may not.
            object.__setattr__(optimizer, "lr", self.optimizer.lr * self.schedule.factor(t, self.n_steps))
        return optimizer.coefficients(t, *flushed(t, carry))  # type: ignore[no-any-return]


def clipped(theta: Any, box: tuple[float, float] | None, number: Any) -> Any:
    """Return ``theta`` with every coordinate clipped to ``box``.

    Parameters
    ----------
    theta : number or ndarray
        The iterate, or one coordinate of it.
    box : tuple of (float, float) or None
        Lower and upper bound; None is no bound.
    number : type
        NumPy type of ``theta``, to which the bounds are converted.

    Returns
    -------
    number or ndarray
    """
    return theta if box is None else np.minimum(np.maximum(theta, number(box[0])), number(box[1]))


Evaluate = Callable[..., Array]


def on_arrays(function: Callable[..., Array], *arguments: Any) -> Array:
    """Evaluate a gradient function on whole arrays, as it is written.

    Parameters
    ----------
    function : callable
        The gradient function.
    *arguments
        Its arguments.

    Returns
    -------
    ndarray
    """
    return function(*arguments)


class SteppingGradient:
    """The gradient that a step is taken with: sampled for the step if the objective is, and with noise.

    Random numbers come from the compiled generator on every backend (`adamlab.problems.philox`).

    Parameters
    ----------
    problem : Problem
        Objective, noise and seed.
    evaluate : callable, optional
        Called with the objective's gradient function, theta and other arrays of its length; returns the gradient. The
        default evaluates the function on whole arrays.
    """

    def __init__(self, problem: Problem, evaluate: Evaluate = on_arrays) -> None:
        self._problem, self._evaluate = problem, evaluate
        self._keys = problem.key("samples"), problem.key("noise")

    def __call__(self, theta: Array, t: int) -> Array:
        """Return the gradient at ``theta`` for step ``t``.

        Parameters
        ----------
        theta : ndarray
            The iterate.
        t : int
            Number of the step, from 1.

        Returns
        -------
        ndarray
            Of the shape of ``theta``.
        """
        problem, objective = self._problem, self._problem.objective
        with np.errstate(all="ignore"):
            if problem.is_sampled:
                draw = self._draws(objective, theta, t)
                g = self._evaluate(
                    lambda x, d, *data: objective.sampled_gradient(x, t, d, *data), theta, draw, *problem.data
                )
            else:
                g = self._evaluate(objective.gradient, theta, *problem.data)
        if problem.noise is None:
            return g
        from adamlab.compiler.random_numbers import add_noise

        return add_noise(problem.noise, self._keys[1], t, np.array(g, theta.dtype))

    def _draws(self, objective: Any, theta: Array, t: int) -> Array:
        size = theta.size if objective.separable else objective.n_draws()
        if objective.draws is None:
            return np.zeros(size, theta.dtype)
        from adamlab.compiler.random_numbers import draws

        drawn = draws(objective.draws, self._keys[0], t, size)
        return drawn.astype(theta.dtype) if objective.separable else drawn


def advance_by_calls(run: Stepper, gradient: Callable[[], Array], until: int, stopping: Stopping) -> None:
    """Do what `Stepper.advance` does, with one call of ``gradient`` and one of ``run.step`` for each step.

    Parameters
    ----------
    run : Stepper
        The run.
    gradient : callable
        Returns the gradient for the run's next step.
    until : int
        Number of the last step to take.
    stopping : Stopping
        The stopping rules.
    """
    tol_sq, grad_tol_sq, loss_target = stopping.limits
    while run.t < until and run.stopped == GOES_ON:
        run.step(gradient())
        run.stopped = after_step(run.step_sq, tol_sq)
        if run.stopped == GOES_ON and stopping.watches:
            loss, gradient_sq, _ = run.measure()
            run.stopped = at_point(loss, gradient_sq, grad_tol_sq, loss_target)
