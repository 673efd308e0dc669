"""Optax's optimizers, on JAX's CPU in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np

from adamlab.conformance import Namesake, Step
from adamlab.problem import Array


def missing() -> str | None:
    """Why it cannot run here, or None."""
    try:
        import optax  # noqa: F401
    except ImportError:
        return "optax is not installed (make test-peers installs it)"
    return None


def version() -> str:
    """Its name and version, and JAX's."""
    import jax
    import optax

    return f"optax {optax.__version__}, jax {jax.__version__}"


def stepping(make: Callable[[Any], Any]) -> Callable[[Any, Array], Step]:
    """A namesake's ``begin`` from a function of the hyperparameters that makes a gradient transformation."""

    def begin(h: Any, theta0: Array) -> Step:
        import jax
        import optax

        jax.config.update("jax_enable_x64", True)
        transformation = make(h)
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

    return begin


def namesakes() -> tuple[Namesake, ...]:
    """Its methods that go by the name of one of our leaves, and what is known of how they differ."""
    import optax
    from optax import contrib

    def betas(h: Any) -> dict[str, Any]:
        return {"b1": h.beta1, "b2": h.beta2, "eps": h.eps}

    def uncorrected_amsgrad(h: Any) -> Any:
        return optax.chain(optax.scale_by_amsgrad(**betas(h)), optax.scale(-h.lr))

    return (
        Namesake("sgd", "sgd", stepping(lambda h: optax.sgd(h.lr))),
        Namesake("momentum", "sgd(momentum)", stepping(lambda h: optax.sgd(h.lr, momentum=h.momentum))),
        Namesake(
            "nesterov",
            "sgd(momentum, nesterov)",
            stepping(lambda h: optax.sgd(h.lr, momentum=h.momentum, nesterov=True)),
        ),
        Namesake(
            "adagrad",
            "adagrad",
            stepping(lambda h: optax.adagrad(h.lr, initial_accumulator_value=0.0, eps=h.eps)),
            differs="optax puts eps inside the root",
            by=1.0,
        ),
        Namesake(
            "rmsprop",
            "rmsprop",
            stepping(lambda h: optax.rmsprop(h.lr, decay=h.rho, eps=h.eps)),
            differs="optax puts eps inside the root unless told otherwise (eps_in_sqrt)",
            by=1.0,
        ),
        Namesake("adadelta", "adadelta", stepping(lambda h: optax.adadelta(h.lr, rho=h.rho, eps=h.eps))),
        Namesake("adam", "adam", stepping(lambda h: optax.adam(h.lr, **betas(h)))),
        Namesake(
            "adam_reordered",
            "adam",
            stepping(lambda h: optax.adam(h.lr, **betas(h))),
            differs="optax adds eps to the root of the corrected second moment, the reordered form to the raw root",
            by=4.38,
        ),
        Namesake("adamax_torch", "adamax", stepping(lambda h: optax.adamax(h.lr, **betas(h)))),
        Namesake(
            "adamax",
            "adamax",
            stepping(lambda h: optax.adamax(h.lr, b1=h.beta1, b2=h.beta2)),
            differs="optax adds eps to the gradient's magnitude before the maximum; the paper has no eps",
            by=1.0,
        ),
        Namesake("adamw", "adamw", stepping(lambda h: optax.adamw(h.lr, **betas(h), weight_decay=h.weight_decay))),
        Namesake("nadam", "nadam", stepping(lambda h: optax.nadam(h.lr, **betas(h)))),
        Namesake(
            "nadam_torch",
            "nadam",
            stepping(lambda h: optax.nadam(h.lr, **betas(h))),
            differs="optax has no momentum schedule",
            by=1.08,
        ),
        Namesake("nadamw", "nadamw", stepping(lambda h: optax.nadamw(h.lr, **betas(h), weight_decay=h.weight_decay))),
        Namesake("amsgrad_optax", "amsgrad", stepping(lambda h: optax.amsgrad(h.lr, **betas(h)))),
        Namesake(
            "amsgrad_torch",
            "amsgrad",
            stepping(lambda h: optax.amsgrad(h.lr, **betas(h))),
            differs="optax takes the maximum after it has corrected the second moment, torch before",
            by=0.827,
        ),
        Namesake(
            "amsgrad_paper",
            "amsgrad",
            stepping(lambda h: optax.amsgrad(h.lr, **betas(h))),
            differs="optax corrects both moments, the paper neither",
            by=0.679,
        ),
        Namesake(
            "radam",
            "radam",
            stepping(lambda h: optax.radam(h.lr, **betas(h))),
            differs="optax adds eps to the corrected root of the second moment, torch to the raw one",
            by=2.14,
        ),
        Namesake("radam_optax", "radam", stepping(lambda h: optax.radam(h.lr, **betas(h)))),
        Namesake("adabelief", "adabelief", stepping(lambda h: optax.adabelief(h.lr, **betas(h), eps_root=h.eps))),
        Namesake("yogi", "yogi", stepping(lambda h: optax.yogi(h.lr, **betas(h)))),
        Namesake(
            "lion", "lion", stepping(lambda h: optax.lion(h.lr, b1=h.beta1, b2=h.beta2, weight_decay=h.weight_decay))
        ),
        Namesake("signsgd", "sign_sgd", stepping(lambda h: optax.sign_sgd(h.lr))),
        Namesake("signum", "signum", stepping(lambda h: optax.signum(h.lr, h.beta))),
        Namesake(
            "adan",
            "adan",
            stepping(
                lambda h: optax.adan(h.lr, b1=h.beta1, b2=h.beta2, b3=h.beta3, eps=h.eps, weight_decay=h.weight_decay)
            ),
            differs="optax weighs the gradients' difference with 1 - b2 where author and paper have b2",
            by=1.82,
        ),
        Namesake("adopt", "contrib.adopt", stepping(lambda h: contrib.adopt(h.lr, **betas(h)))),
        Namesake(
            "adopt_unclipped",
            "contrib.adopt(use_clipping=False)",
            stepping(lambda h: contrib.adopt(h.lr, **betas(h), use_clipping=False)),
        ),
        Namesake(
            "ademamix",
            "contrib.ademamix",
            stepping(
                lambda h: contrib.ademamix(h.lr, **betas(h), b3=h.beta3, alpha=h.alpha, weight_decay=h.weight_decay)
            ),
        ),
        Namesake(
            "simplified_ademamix",
            "contrib.simplified_ademamix",
            stepping(lambda h: contrib.simplified_ademamix(h.lr, **betas(h), alpha=h.alpha)),
        ),
        Namesake(
            "schedulefree_adamw",
            "contrib.schedule_free_adamw",
            stepping(
                lambda h: contrib.schedule_free_adamw(
                    h.lr,
                    warmup_steps=h.warmup_steps or None,
                    **betas(h),
                    weight_decay=h.weight_decay,
                    weight_lr_power=2.0,
                )
            ),
        ),
        Namesake("lamb", "lamb", stepping(lambda h: optax.lamb(h.lr, **betas(h), weight_decay=h.weight_decay))),
        Namesake(
            "lars",
            "lars",
            stepping(
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
            stepping(
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
            stepping(
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
            stepping(lambda h: contrib.muon(h.lr, beta=h.momentum, weight_decay=h.weight_decay)),
            differs="optax corrects the bias of the momentum, and of the gradient's share in the Nesterov mix",
            by=0.0116,
        ),
    )
