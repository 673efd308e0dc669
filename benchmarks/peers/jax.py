"""Adam written by hand in jax.numpy: one jitted loop over all steps, which XLA compiles as a whole.

Every step evaluates the gradient and, where there is a tolerance, the stopping test. The powers of beta are running
products. The arrays of the run are donated, so that a step can work in place.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from adamlab.measuring.timing import Advance, Implementation, Runs
from benchmarks.peers import hyperparameters, on_sphere, sphere_start


def missing() -> str | None:
    """Return the reason why this peer cannot run here, or None."""
    try:
        import jax  # noqa: F401
    except ImportError:
        return "jax is not installed (make test-peers installs it)"
    return None


def version() -> str:
    """Return the library's name and version."""
    import jax

    return f"jax {jax.__version__}"


def implementations(keys: Mapping[str, Any]) -> dict[str, Implementation]:
    """Return the loop for either form of Adam, on the sphere."""
    step = {"adam": printed, "adam_reordered": reordered}.get(keys["optimizer"])
    return {"jax-loop": _runs(step, keys)} if step and on_sphere(keys) else {}


def printed(h: Any, powers: Any, m: Any, v: Any) -> Any:
    """Return what a step of Algorithm 1 subtracts from theta."""
    import jax.numpy as jnp

    m_hat, v_hat = m / (1 - powers[0]), v / (1 - powers[1])
    return h.lr * m_hat / (jnp.sqrt(v_hat) + h.eps)


def reordered(h: Any, powers: Any, m: Any, v: Any) -> Any:
    """Return what a step of the form at the end of the paper's section 2 subtracts from theta."""
    import jax.numpy as jnp

    lr_t = h.lr * jnp.sqrt(1 - powers[1]) / (1 - powers[0])
    return lr_t * m / (jnp.sqrt(v) + h.eps)


def _runs(length: Callable[..., Any], keys: Mapping[str, Any]) -> Runs:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    h, tol = hyperparameters(keys), keys["tol"]

    def step(state: Any) -> Any:
        t, powers, theta, m, v, _ = state
        powers = (powers[0] * h.beta1, powers[1] * h.beta2)
        g = 2 * theta
        m = h.beta1 * m + (1 - h.beta1) * g
        v = h.beta2 * v + (1 - h.beta2) * g * g
        new = theta - length(h, tuple(power.astype(theta.dtype) for power in powers), m, v)
        step_sq = jnp.sum((new - theta) ** 2) if tol > 0 else jnp.inf
        return t + 1, powers, new, m, v, jnp.asarray(step_sq, theta.dtype)

    @partial(jax.jit, donate_argnums=0)
    def loop(state: Any, until: Any) -> Any:
        return jax.lax.while_loop(lambda state: (state[0] < until) & (state[-1] >= tol * tol), step, state)

    def begin() -> Advance:
        theta = jnp.asarray(sphere_start(keys))
        one, infinite = jnp.ones((), np.float64), jnp.asarray(np.inf, theta.dtype)
        state = (jnp.zeros((), np.int64), (one, one + 0), theta, jnp.zeros_like(theta), jnp.zeros_like(theta), infinite)

        def advance(steps: int) -> Any:
            nonlocal state
            state = jax.block_until_ready(loop(state, state[0] + steps))
            return state[2]

        return advance

    return Runs(begin)
