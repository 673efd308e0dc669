"""Some of adamlab's objectives written as a user writes them: two plain functions of an array.

adamlab runs them like functions from a user's module, beside its own implementation of the same objective; the
difference is the cost of a user's own functions. The first three gradients are elementwise, the others are not.
"""

import math
from collections.abc import Callable, Mapping
from importlib.metadata import version as installed
from types import SimpleNamespace
from typing import Any

import numpy as np

from adamlab.measuring.timing import Advance, Implementation, Runs
from adamlab.problems.problem import Array, Problem
from adamlab.rules.registry import leaf_class
from adamlab.rules.stopping import Stopping
from adamlab.rules.symbols import symbols
from adamlab.running.backends import stepper
from adamlab.running.checks import prepared

Pair = tuple[Callable[[Array], Any], Callable[[Array], Array]]


def missing() -> str | None:
    """Return None, because adamlab itself runs the functions."""
    return None


def version() -> str:
    """Return adamlab's name and version."""
    return f"adamlab {installed('adamlab')}"


def implementations(keys: Mapping[str, Any]) -> dict[str, Implementation]:
    """Return a run on the user's functions, on the numba backend, if the objective is one of `PAIRS`."""
    pair = PAIRS.get(keys["objective"])
    plain = keys["noise"] == "none" and keys["schedule"] == "constant"
    return {"user's functions": Runs(lambda: _begin(pair(_numbers("objective", keys)), keys))} if pair and plain else {}


def _numbers(group: str, keys: Mapping[str, Any]) -> Any:
    """Return a leaf's parameters as attributes."""
    return SimpleNamespace(**{key.partition(".")[2]: keys[key] for key in keys if key.startswith(f"{group}.")})


def sphere(_: Any) -> Pair:
    """Return value and gradient of the sum of squares."""
    return lambda x: np.sum(x**2), lambda x: 2 * x


def rastrigin(n: Any) -> Pair:
    """Return value and gradient of Rastrigin's function: many minima on a bowl."""
    a = n.amplitude

    def f(x: Array) -> Any:
        return a * x.size + np.sum(x**2 - a * np.cos(2 * np.pi * x))

    def df(x: Array) -> Any:
        return 2 * x + 2 * np.pi * a * np.sin(2 * np.pi * x)

    return f, df


def styblinski_tang(_: Any) -> Pair:
    """Return value and gradient of the Styblinski-Tang function: two minima along each axis."""
    return lambda x: np.sum(x**4 - 16 * x**2 + 5 * x) / 2, lambda x: 2 * x**3 - 16 * x + 2.5


def rosenbrock(n: Any) -> Pair:
    """Return value and gradient of Rosenbrock's function: a curved valley."""
    a, b = n.a, n.b

    def f(x: Array) -> Any:
        return np.sum(b * (x[1:] - x[:-1] ** 2) ** 2 + (a - x[:-1]) ** 2)

    def df(x: Array) -> Any:
        valley = x[1:] - x[:-1] ** 2
        g = np.zeros_like(x)
        g[:-1] = -4 * b * x[:-1] * valley - 2 * (a - x[:-1])
        g[1:] += 2 * b * valley
        return g

    return f, df


def zakharov(_: Any) -> Pair:
    """Return value and gradient of Zakharov's function: a bowl with a steep side."""

    def f(x: Array) -> Any:
        s = np.sum(np.arange(1, x.size + 1) / 2 * x)
        return np.sum(x**2) + s**2 + s**4

    def df(x: Array) -> Any:
        w = np.arange(1, x.size + 1) / 2
        s = np.sum(w * x)
        return 2 * x + (2 * s + 4 * s**3) * w

    return f, df


PAIRS: dict[str, Callable[[Any], Pair]] = {
    function.__name__: function for function in (sphere, rastrigin, styblinski_tang, rosenbrock, zakharov)
}


def _begin(pair: Pair, keys: Mapping[str, Any]) -> Advance:
    optimizer = leaf_class("optimizer", keys["optimizer"])(**vars(_numbers("optimizer", keys)))
    leaf = leaf_class("objective", keys["objective"])
    given = {name: keys[f"objective.{name}"] for name in symbols(leaf) if f"objective.{name}" in keys}
    _, theta0 = prepared(leaf(**given, dim=keys["dim"], dtype=keys["dtype"]))
    functions, begin = prepared(pair, theta0)
    run = stepper("numba", optimizer, Problem(functions), begin)
    stopping = Stopping(keys["tol"], keys["grad_tol"], keys.get("loss_target", -math.inf))

    def advance(steps: int) -> Any:
        run.advance(run.t + steps, stopping)
        return run

    return advance
