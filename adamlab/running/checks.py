"""What is given to a run, checked before its first step: leaves, functions and the start."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adamlab.problems.functions import checked_pair
from adamlab.problems.problem import Array
from adamlab.rules.symbols import ConfigurationError


def first_iterate(objective: Any) -> Array:
    """An objective's start: ``x0`` repeated to fill ``dim``, times its own start if it has one, in its dtype."""
    check_start(objective)
    with np.errstate(over="ignore"):
        pattern = np.array(objective.x0, objective.dtype)
    begin = np.tile(pattern, -(-objective.dim // pattern.size))[: objective.dim]
    return (begin * objective.start()).astype(objective.dtype) if hasattr(objective, "start") else begin


def check_start(objective: Any) -> None:
    """Refuse a start with more numbers than the objective has coordinates, or outside its box."""
    who, given, dim = type(objective).__name__, len(objective.x0), objective.dim
    if given > dim:
        raise ConfigurationError(f"{who}: x0 must hold at most dim = {dim} numbers; it has {given}")
    lo, hi = getattr(objective, "box", (-math.inf, math.inf))
    for number in objective.x0:
        if not lo <= number <= hi:
            raise ConfigurationError(f"{who}: x0 must lie in [{lo:g}, {hi:g}]; it is {number:g}")


def check_objective(objective: Any) -> None:
    """Refuse a leaf whose start or functions are not as they should be."""
    if hasattr(objective, "functions"):
        prepared(objective, None)
    check_start(objective)


def check_optimizer(caller: str, optimizer: Any) -> None:
    """Refuse what is no optimizer, such as a name or a class."""
    if isinstance(optimizer, type) or not (hasattr(optimizer, "update") and hasattr(optimizer, "coefficients")):
        raise ConfigurationError(f"{caller}: optimizer must be one of adamlab.optimizers, made; it is {optimizer!r}")


def check_schedule(caller: str, optimizer: Any, schedule: Any) -> None:
    """Refuse a schedule for a method without a learning rate."""
    if schedule is not None and type(schedule).__name__ != "Constant" and not hasattr(optimizer, "lr"):
        who = type(optimizer).__name__
        raise ConfigurationError(f"{caller}: schedule must be constant for {who}, which has no lr; it is {schedule!r}")


def prepared(objective: Any, theta0: ArrayLike | None = None) -> tuple[Any, Array]:
    """What is minimised (a leaf, or a `FunctionPair` where functions were given), and where that begins.

    Raises `ConfigurationError` for a start or functions that are not as they should be.
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
        allowed = "a leaf of adamlab.objectives, made, or a pair of functions"
        raise ConfigurationError(f"minimize: objective must be {allowed}; it is {objective!r}")
    if theta0 is None:
        return objective, first_iterate(objective)
    begin = np.array(theta0, objective.dtype)
    if begin.shape != (objective.dim,):
        expected = f"one number for each of the {objective.dim} coordinates"
        raise ConfigurationError(f"minimize: theta0 must have {expected}; its shape is {begin.shape}")
    return objective, begin


def floating(caller: str, theta0: ArrayLike) -> NDArray[np.floating[Any]]:
    """A copy of ``theta0`` as a floating array, whole numbers as float64; other types are refused."""
    begin = np.array(theta0)
    if begin.dtype.kind in "iu":
        begin = begin.astype(np.float64)
    if begin.dtype not in (np.float64, np.float32):
        raise ConfigurationError(f"{caller}: theta0 must be float64 or float32; it is {begin.dtype}")
    return begin
