"""Adam in plain NumPy: the paper's formulas on whole arrays, with a new array for every intermediate result.

Every step evaluates the gradient and, where there is a tolerance, the stopping test. The bias corrections are computed
as powers, as printed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adamlab.measuring.timing import Advance, Implementation, Runs
from benchmarks.peers import hyperparameters, on_sphere, sphere_start

Step = Callable[[Any, int, Any, Any, Any, Any], tuple[Any, Any, Any]]


def missing() -> str | None:
    """Return None, because NumPy is always present."""
    return None


def version() -> str:
    """Return NumPy's name and version."""
    return f"numpy {np.__version__}"


def implementations(keys: Mapping[str, Any]) -> dict[str, Implementation]:
    """Return the loop for either form of Adam, on the sphere."""
    step = {"adam": printed, "adam_reordered": reordered}.get(keys["optimizer"])
    return {"numpy-as-written": Runs(lambda: _begin(step, keys))} if step and on_sphere(keys) else {}


def printed(h: Any, t: int, g: Any, theta: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
    """Take a step of Algorithm 1; return theta, m and v."""
    m = h.beta1 * m + (1 - h.beta1) * g
    v = h.beta2 * v + (1 - h.beta2) * g**2
    m_hat = m / (1 - h.beta1**t)
    v_hat = v / (1 - h.beta2**t)
    return theta - h.lr * m_hat / (np.sqrt(v_hat) + h.eps), m, v


def reordered(h: Any, t: int, g: Any, theta: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
    """Take a step of the form at the end of the paper's section 2; return theta, m and v."""
    m = h.beta1 * m + (1 - h.beta1) * g
    v = h.beta2 * v + (1 - h.beta2) * g**2
    lr_t = h.lr * (1 - h.beta2**t) ** 0.5 / (1 - h.beta1**t)
    return theta - lr_t * m / (np.sqrt(v) + h.eps), m, v


def _begin(step: Step, keys: Mapping[str, Any]) -> Advance:
    h, tol, t, theta = hyperparameters(keys), keys["tol"], 0, sphere_start(keys)
    m, v = np.zeros_like(theta), np.zeros_like(theta)

    def advance(steps: int) -> Any:
        nonlocal t, theta, m, v
        for _ in range(steps):
            t, before = t + 1, theta
            theta, m, v = step(h, t, 2 * theta, theta, m, v)
            if tol > 0 and np.sum((theta - before) ** 2) < tol**2:
                break
        return theta

    return advance
