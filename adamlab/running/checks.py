"""Checks of what a run is given, made before its first step: optimizer, objective, schedule and start."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adamlab.problems.functions import checked_pair
from adamlab.problems.problem import Array
from adamlab.rules.symbols import ConfigurationError


def first_iterate(objective: Any) -> Array:
    """Return the start of an objective.

    Parameters
    ----------
    objective : dataclass
        An instance of a class in `adamlab.objectives`.

    Returns
    -------
    ndarray, shape (dim,)
        ``x0`` repeated to fill ``dim``, multiplied by the objective's ``start()`` if it has one, in its dtype.

    Raises
    ------
    ConfigurationError
        If ``x0`` holds more than ``dim`` numbers, or a number outside the objective's box.
    """
    check_start(objective)
    with np.errstate(over="ignore"):
        pattern = np.array(objective.x0, objective.dtype)
    begin = np.tile(pattern, -(-objective.dim // pattern.size))[: objective.dim]
    return (begin * objective.start()).astype(objective.dtype) if hasattr(objective, "start") else begin


def check_start(objective: Any) -> None:
    """Check that the objective's ``x0`` holds at most ``dim`` numbers, all inside its box.

    Raises
    ------
    ConfigurationError
        If it does not.
    """
    who, given, dim = type(objective).__name__, len(objective.x0), objective.dim
    if given > dim:
        raise ConfigurationError(f"{who}: x0 must hold at most dim = {dim} numbers; it has {given}")
    lo, hi = getattr(objective, "box", (-math.inf, math.inf))
    for number in objective.x0:
        if not lo <= number <= hi:
            raise ConfigurationError(f"{who}: x0 must lie in [{lo:g}, {hi:g}]; it is {number:g}")


def check_objective(objective: Any) -> None:
    """Check an objective's start, and its functions if it is made from a user's functions.

    Parameters
    ----------
    objective : dataclass
        An instance of a class in `adamlab.objectives`.

    Raises
    ------
    ConfigurationError
        If the start or a function is refused.
    """
    if hasattr(objective, "functions"):
        prepared(objective, None)
    check_start(objective)


def check_optimizer(caller: str, optimizer: Any) -> None:
    """Check that ``optimizer`` is an instance of an optimizer, not for example its name or class.

    Parameters
    ----------
    caller : str
        Name that the message begins with.
    optimizer : object
        What the user gave.

    Raises
    ------
    ConfigurationError
        If it lacks ``update`` or ``coefficients``, or is a class.
    """
    if isinstance(optimizer, type) or not (hasattr(optimizer, "update") and hasattr(optimizer, "coefficients")):
        raise ConfigurationError(
            f"{caller}: optimizer must be an instance of a class in adamlab.optimizers; it is {optimizer!r}"
        )


def check_schedule(caller: str, optimizer: Any, schedule: Any) -> None:
    """Check that an optimizer without a learning rate has the constant schedule.

    Parameters
    ----------
    caller : str
        Name that the message begins with.
    optimizer : dataclass or type
        A class in `adamlab.optimizers`, or an instance of one.
    schedule : dataclass or None
        An instance of a class in `adamlab.schedules`. None is the constant schedule.

    Raises
    ------
    ConfigurationError
        If the optimizer has no ``lr`` and the schedule is not constant.
    """
    cls: Any = optimizer if isinstance(optimizer, type) else type(optimizer)
    has_rate = hasattr(optimizer, "lr") or "lr" in cls.__annotations__
    if schedule is not None and type(schedule).__name__ != "Constant" and not has_rate:
        who = cls.__name__
        raise ConfigurationError(f"{caller}: schedule must be constant for {who}, which has no lr; it is {schedule!r}")


def prepared(objective: Any, theta0: ArrayLike | None = None) -> tuple[Any, Array]:
    """Return the objective as `adamlab.problems.problem.Problem` takes it, and the start.

    Parameters
    ----------
    objective : dataclass, pair of callables, or callable
        As in `adamlab.running.minimize.minimize`.
    theta0 : array_like, optional
        The start, required for functions. None is the objective's own start.

    Returns
    -------
    objective : dataclass or FunctionPair
        A `adamlab.problems.problem.FunctionPair` if functions were given, or the objective as it is.
    theta0 : ndarray of float64 or float32
        The start, a new array.

    Raises
    ------
    ConfigurationError
        If the objective, a function or the start is refused.
    """
    if isinstance(objective, tuple | list) or (callable(objective) and not isinstance(objective, type)):
        if theta0 is None:
            raise ConfigurationError("minimize: theta0 must be given with functions; it is None")
        begin = floating("minimize", theta0)
        return checked_pair("minimize", objective, begin), begin
    if hasattr(objective, "functions"):
        begin = first_iterate(objective)
        return checked_pair(type(objective).__name__, objective.functions(), begin, objective.name), begin
    if isinstance(objective, type) or not (hasattr(objective, "value") and hasattr(objective, "gradient")):
        allowed = "an instance of a class in adamlab.objectives, or a pair of functions"
        raise ConfigurationError(f"minimize: objective must be {allowed}; it is {objective!r}")
    if theta0 is None:
        return objective, first_iterate(objective)
    begin = np.array(theta0, objective.dtype)
    if begin.shape != (objective.dim,):
        expected = f"one number for each of the {objective.dim} coordinates"
        raise ConfigurationError(f"minimize: theta0 must have {expected}; its shape is {begin.shape}")
    return objective, begin


def floating(caller: str, theta0: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return a copy of ``theta0`` as a floating-point array.

    Parameters
    ----------
    caller : str
        Name that the message begins with.
    theta0 : array_like
        Numbers of type float64, float32 or any integer type.

    Returns
    -------
    ndarray of float64 or float32
        Integers become float64.

    Raises
    ------
    ConfigurationError
        For another type.
    """
    begin = np.array(theta0)
    if begin.dtype.kind in "iu":
        begin = begin.astype(np.float64)
    if begin.dtype not in (np.float64, np.float32):
        raise ConfigurationError(f"{caller}: theta0 must be float64 or float32; it is {begin.dtype}")
    return begin
