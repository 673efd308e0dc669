"""Optax's optimizers, on the CPU through JAX.

They are timed in two ways: one call of a jitted step after another, as in a training loop, and all steps in one jitted
``lax.scan``. The gradient's formula is part of the jitted code. The stopping test is done where there is a tolerance; a
scan cannot stop, so it is timed only without one. The arrays of the run are donated, so that a step can work in place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from adamlab.measuring.conformance import Namesake, Step
from adamlab.measuring.timing import Advance, Implementation, Runs
from adamlab.problems.problem import Array
from benchmarks.peers import hyperparameters, on_sphere, sphere_start


def missing() -> str | None:
    """Return the reason why this peer cannot run here, or None."""
    try:
        import optax  # noqa: F401
    except ImportError:
        return "optax is not installed (make test-peers installs it)"
    return None


def version() -> str:
    """Return the name and version of optax and of JAX."""
    import jax
    import optax

    return f"optax {optax.__version__}, jax {jax.__version__}"


def implementations(keys: Mapping[str, Any]) -> dict[str, Implementation]:
    """Return the transformation that takes the same steps as adamlab's optimizer, if any, on the sphere."""
    equal = {one.leaf: one.begin for one in namesakes() if not one.differs}.get(keys["optimizer"])
    if not isinstance(equal, Stepping) or not on_sphere(keys):
        return {}
    ways = {"optax-jit": _step_by_step} | ({"optax-scan": _scan} if keys["tol"] == 0 else {})
    return {name: _runs(equal.make(hyperparameters(keys)), way, keys) for name, way in ways.items()}


def _runs(transformation: Any, way: Callable[..., Any], keys: Mapping[str, Any]) -> Runs:
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)

    def step(theta: Any, state: Any) -> Any:
        updates, state = transformation.update(2 * theta, state, theta)
        return optax.apply_updates(theta, updates), state

    follow = way(step, keys["tol"])

    def begin() -> Advance:
        theta = jax.numpy.asarray(sphere_start(keys))
        state = transformation.init(theta)

        def advance(steps: int) -> Any:
            nonlocal theta, state
            theta, state = jax.block_until_ready(follow(theta, state, steps))
            return theta

        return advance

    return Runs(begin)


def _step_by_step(step: Callable[..., Any], tol: float) -> Callable[..., Any]:
    import jax

    @partial(jax.jit, donate_argnums=(0, 1))
    def measured(theta: Any, state: Any) -> Any:
        new, state = step(theta, state)
        return new, state, jax.numpy.sum((new - theta) ** 2) if tol > 0 else None

    def follow(theta: Any, state: Any, steps: int) -> Any:
        for _ in range(steps):
            theta, state, step_sq = measured(theta, state)
            if step_sq is not None and step_sq < tol**2:
                break
        return theta, state

    return follow


def _scan(step: Callable[..., Any], _: float) -> Callable[..., Any]:
    import jax

    def follow(theta: Any, state: Any, steps: int) -> Any:
        return jax.lax.scan(lambda carry, _: (step(*carry), None), (theta, state), length=steps)[0]

    scan: Callable[..., Any] = jax.jit(follow, static_argnums=2, donate_argnums=(0, 1))
    return scan


@dataclass(frozen=True)
class Stepping:
    """The ``begin`` of a namesake, made from a gradient transformation.

    Attributes
    ----------
    make : callable
        Returns the gradient transformation for given hyperparameters.
    """

    make: Callable[[Any], Any]

    def __call__(self, h: Any, theta0: Array) -> Step:
        """Start at `theta0`; return the function from a gradient to the next iterate."""
        import jax
        import optax

        jax.config.update("jax_enable_x64", True)
        transformation = self.make(h)
        theta = jax.numpy.asarray(theta0)
        state = transformation.init(theta)

        @jax.jit
        def advance(theta: Any, state: Any, gradient: Any) -> Any:
            updates, state = transformation.update(gradient, state, theta)
            return optax.apply_updates(theta, updates), state

        def step(gradient: Array) -> Array:
            nonlocal theta, state
            theta, state = advance(theta, state, gradient)
            return np.array(theta)

        return step


def namesakes() -> tuple[Namesake, ...]:
    """Return optax's methods with the names of adamlab's optimizers, and their known differences."""
    import optax
    from optax import contrib

    def betas(h: Any) -> dict[str, Any]:
        return {"b1": h.beta1, "b2": h.beta2, "eps": h.eps}

    def uncorrected_amsgrad(h: Any) -> Any:
        return optax.chain(optax.scale_by_amsgrad(**betas(h)), optax.scale(-h.lr))

    return (
        Namesake("sgd", "sgd", Stepping(lambda h: optax.sgd(h.lr))),
        Namesake("momentum", "sgd(momentum)", Stepping(lambda h: optax.sgd(h.lr, momentum=h.momentum))),
        Namesake(
            "nesterov",
            "sgd(momentum, nesterov)",
            Stepping(lambda h: optax.sgd(h.lr, momentum=h.momentum, nesterov=True)),
        ),
        Namesake(
            "adagrad",
            "adagrad",
            Stepping(lambda h: optax.adagrad(h.lr, initial_accumulator_value=0.0, eps=h.eps)),
            differs="optax puts eps inside the root",
            by=1.0,
        ),
        Namesake(
            "rmsprop",
            "rmsprop",
            Stepping(lambda h: optax.rmsprop(h.lr, decay=h.rho, eps=h.eps)),
            differs="optax puts eps inside the root unless told otherwise (eps_in_sqrt)",
            by=1.0,
        ),
        Namesake("adadelta", "adadelta", Stepping(lambda h: optax.adadelta(h.lr, rho=h.rho, eps=h.eps))),
        Namesake("adam", "adam", Stepping(lambda h: optax.adam(h.lr, **betas(h)))),
        Namesake(
            "adam_reordered",
            "adam",
            Stepping(lambda h: optax.adam(h.lr, **betas(h))),
            differs="optax adds eps to the root of the corrected second moment, the reordered form to the raw root",
            by=4.38,
        ),
        Namesake("adamax_torch", "adamax", Stepping(lambda h: optax.adamax(h.lr, **betas(h)))),
        Namesake(
            "adamax",
            "adamax",
            Stepping(lambda h: optax.adamax(h.lr, b1=h.beta1, b2=h.beta2)),
            differs="optax adds eps to the gradient's magnitude before the maximum; the paper has no eps",
            by=1.0,
        ),
        Namesake("adamw", "adamw", Stepping(lambda h: optax.adamw(h.lr, **betas(h), weight_decay=h.weight_decay))),
        Namesake("nadam", "nadam", Stepping(lambda h: optax.nadam(h.lr, **betas(h)))),
        Namesake(
            "nadam_torch",
            "nadam",
            Stepping(lambda h: optax.nadam(h.lr, **betas(h))),
            differs="optax has no momentum schedule",
            by=1.08,
        ),
        Namesake("nadamw", "nadamw", Stepping(lambda h: optax.nadamw(h.lr, **betas(h), weight_decay=h.weight_decay))),
        Namesake("amsgrad_optax", "amsgrad", Stepping(lambda h: optax.amsgrad(h.lr, **betas(h)))),
        Namesake(
            "amsgrad_torch",
            "amsgrad",
            Stepping(lambda h: optax.amsgrad(h.lr, **betas(h))),
            differs="optax takes the maximum after it has corrected the second moment, torch before",
            by=0.827,
        ),
        Namesake(
            "amsgrad_paper",
            "amsgrad",
            Stepping(lambda h: optax.amsgrad(h.lr, **betas(h))),
            differs="optax corrects both moments, the paper neither",
            by=0.679,
        ),
        Namesake(
            "radam",
            "radam",
            Stepping(lambda h: optax.radam(h.lr, **betas(h))),
            differs="optax adds eps to the corrected root of the second moment, torch to the raw one",
            by=2.14,
        ),
        Namesake("radam_optax", "radam", Stepping(lambda h: optax.radam(h.lr, **betas(h)))),
        Namesake("adabelief", "adabelief", Stepping(lambda h: optax.adabelief(h.lr, **betas(h), eps_root=h.eps))),
        Namesake("yogi", "yogi", Stepping(lambda h: optax.yogi(h.lr, **betas(h)))),
        Namesake(
            "lion", "lion", Stepping(lambda h: optax.lion(h.lr, b1=h.beta1, b2=h.beta2, weight_decay=h.weight_decay))
        ),
        Namesake("signsgd", "sign_sgd", Stepping(lambda h: optax.sign_sgd(h.lr))),
        Namesake("signum", "signum", Stepping(lambda h: optax.signum(h.lr, h.beta))),
        Namesake(
            "adan",
            "adan",
            Stepping(
                lambda h: optax.adan(h.lr, b1=h.beta1, b2=h.beta2, b3=h.beta3, eps=h.eps, weight_decay=h.weight_decay)
            ),
            differs="optax weighs the gradients' difference with 1 - b2 where author and paper have b2",
            by=1.82,
        ),
        Namesake("adopt", "contrib.adopt", Stepping(lambda h: contrib.adopt(h.lr, **betas(h)))),
        Namesake(
            "adopt_unclipped",
            "contrib.adopt(use_clipping=False)",
            Stepping(lambda h: contrib.adopt(h.lr, **betas(h), use_clipping=False)),
        ),
        Namesake(
            "ademamix",
            "contrib.ademamix",
            Stepping(
                lambda h: contrib.ademamix(h.lr, **betas(h), b3=h.beta3, alpha=h.alpha, weight_decay=h.weight_decay)
            ),
        ),
        Namesake(
            "simplified_ademamix",
            "contrib.simplified_ademamix",
            Stepping(lambda h: contrib.simplified_ademamix(h.lr, **betas(h), alpha=h.alpha)),
        ),
        Namesake(
            "schedulefree_adamw",
            "contrib.schedule_free_adamw",
            Stepping(
                lambda h: contrib.schedule_free_adamw(
                    h.lr,
                    warmup_steps=h.warmup_steps or None,
                    **betas(h),
                    weight_decay=h.weight_decay,
                    weight_lr_power=2.0,
                )
            ),
        ),
        Namesake("lamb", "lamb", Stepping(lambda h: optax.lamb(h.lr, **betas(h), weight_decay=h.weight_decay))),
        Namesake(
            "lars",
            "lars",
            Stepping(
                lambda h: optax.lars(
                    h.lr, weight_decay=h.weight_decay, trust_coefficient=h.trust_coefficient, momentum=h.momentum
                )
            ),
            differs="optax takes the norm of the gradient and its decay together",
            by=0.634,
        ),
        Namesake(
            "prodigy",
            "contrib.prodigy",
            Stepping(
                lambda h: contrib.prodigy(
                    h.lr,
                    betas=(h.beta1, h.beta2),
                    eps=h.eps,
                    estim_lr0=h.d0,
                    estim_lr_coef=h.d_coef,
                    weight_decay=h.weight_decay,
                )
            ),
            differs="always corrects the bias, and divides zero by zero after a zero first gradient",
            by=float("inf"),
        ),
        Namesake(
            "dadapt_adam",
            "contrib.dadapt_adamw",
            Stepping(
                lambda h: contrib.dadapt_adamw(
                    h.lr, betas=(h.beta1, h.beta2), eps=h.eps, estim_lr0=h.d0, weight_decay=h.weight_decay
                )
            ),
            differs="always corrects the bias, and divides zero by zero after a zero first gradient",
            by=float("inf"),
        ),
        Namesake(
            "muon",
            "contrib.muon",
            Stepping(lambda h: contrib.muon(h.lr, beta=h.momentum, weight_decay=h.weight_decay)),
            differs="optax corrects the bias of the momentum, and of the gradient's share in the Nesterov mix",
            by=0.0116,
        ),
    )
