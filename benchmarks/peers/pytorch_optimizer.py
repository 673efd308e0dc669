"""The optimizers of the library pytorch_optimizer, on the CPU in float64.

Methods that it takes from torch unchanged are compared in `benchmarks.peers.torch`.
"""

from typing import Any

from adamlab.measuring.conformance import Namesake
from benchmarks.peers.torch import stepping


def missing() -> str | None:
    """Return the reason why this peer cannot run here, or None."""
    try:
        import pytorch_optimizer  # noqa: F401
    except ImportError:
        return "pytorch_optimizer is not installed (make test-peers installs it)"
    return None


def version() -> str:
    """Return the library's name and version."""
    from importlib.metadata import version as installed

    return f"pytorch_optimizer {installed('pytorch_optimizer')}"


def namesakes() -> tuple[Namesake, ...]:
    """Return the library's methods with the names of adamlab's optimizers, and their known differences."""
    import pytorch_optimizer as po

    def betas(h: Any) -> dict[str, Any]:
        return {"lr": h.lr, "betas": (h.beta1, h.beta2)}

    def with_eps(h: Any) -> dict[str, Any]:
        return betas(h) | {"eps": h.eps}

    def decayed(h: Any) -> dict[str, Any]:
        return {"weight_decay": h.weight_decay, "weight_decouple": True}

    return (
        Namesake("adadelta", "AdaDelta", stepping(lambda p, h: po.AdaDelta(p, lr=h.lr, rho=h.rho, eps=h.eps))),
        Namesake("adamax_torch", "AdaMax", stepping(lambda p, h: po.AdaMax(p, **with_eps(h)))),
        Namesake(
            "radam",
            "RAdam",
            stepping(lambda p, h: po.RAdam(p, **with_eps(h))),
            differs="does not move before the rectification is defined, unless degenerated_to_sgd is set",
            by=1.0,
        ),
        Namesake("adabelief", "AdaBelief", stepping(lambda p, h: po.AdaBelief(p, **with_eps(h)))),
        Namesake("yogi", "Yogi", stepping(lambda p, h: po.Yogi(p, **with_eps(h), initial_accumulator=h.initial))),
        Namesake(
            "padam",
            "PAdam",
            stepping(lambda p, h: po.PAdam(p, **with_eps(h), partial=h.p)),
            differs="takes no maximum of the second moment",
            by=0.000938,
        ),
        Namesake(
            "adabound",
            "AdaBound",
            stepping(lambda p, h: po.AdaBound(p, **with_eps(h), final_lr=h.final_lr, gamma=h.gamma)),
            differs="adds 1e-15 inside the root",
            by=1.7e-06,
        ),
        Namesake(
            "qhadam",
            "QHAdam",
            stepping(lambda p, h: po.QHAdam(p, **with_eps(h), nus=(h.nu1, h.nu2))),
            differs="its discount weights are rounded to float32",
            by=3.68e-07,
        ),
        Namesake("lion", "Lion", stepping(lambda p, h: po.Lion(p, **betas(h), **decayed(h)))),
        Namesake("signsgd", "SignSGD(momentum=0)", stepping(lambda p, h: po.SignSGD(p, lr=h.lr, momentum=0.0))),
        Namesake("signum", "SignSGD", stepping(lambda p, h: po.SignSGD(p, lr=h.lr, momentum=h.beta))),
        Namesake(
            "adan",
            "Adan",
            stepping(
                lambda p, h: po.Adan(
                    p, lr=h.lr, betas=(h.beta1, h.beta2, h.beta3), eps=h.eps, weight_decay=h.weight_decay
                )
            ),
        ),
        Namesake(
            "adopt",
            "ADOPT",
            stepping(lambda p, h: po.ADOPT(p, **with_eps(h))),
            differs="clips at t^0.25 where the author has (t - 1)^0.25",
            by=0.0302,
        ),
        Namesake(
            "ademamix",
            "AdEMAMix",
            stepping(
                lambda p, h: po.AdEMAMix(
                    p,
                    lr=h.lr,
                    betas=(h.beta1, h.beta2, h.beta3),
                    alpha=h.alpha,
                    eps=h.eps,
                    weight_decay=h.weight_decay,
                )
            ),
        ),
        Namesake(
            "simplified_ademamix",
            "SimplifiedAdEMAMix",
            stepping(lambda p, h: po.SimplifiedAdEMAMix(p, **with_eps(h), alpha=h.alpha)),
            differs="averages the gradients where the author sums them, and corrects the root the other way round",
            by=1.09,
        ),
        Namesake("grams", "Grams", stepping(lambda p, h: po.Grams(p, **with_eps(h)))),
        Namesake(
            "laprop",
            "LaProp",
            stepping(lambda p, h: po.LaProp(p, **with_eps(h))),
            differs="adds eps to the raw root of the second moment, and 1e-15 inside it",
            by=1.0,
        ),
        Namesake("ano", "Ano", stepping(lambda p, h: po.Ano(p, **with_eps(h)))),
        Namesake(
            "lamb",
            "Lamb",
            stepping(lambda p, h: po.Lamb(p, **with_eps(h), weight_decay=h.weight_decay)),
            differs="does not correct the second moment, and clamps the norm of the parameters at 10",
            by=31.0,
        ),
        Namesake("clion", "Lion(cautious)", stepping(lambda p, h: po.Lion(p, **betas(h), **decayed(h), cautious=True))),
        Namesake(
            "lars",
            "LARS",
            stepping(
                lambda p, h: po.LARS(
                    p,
                    lr=h.lr,
                    momentum=h.momentum,
                    weight_decay=h.weight_decay,
                    trust_coefficient=h.trust_coefficient,
                )
            ),
            differs="leaves parameters of one axis unscaled",
            by=514000.0,
        ),
        Namesake("prodigy", "Prodigy", stepping(lambda p, h: po.Prodigy(p, **with_eps(h), d0=h.d0, d_coef=h.d_coef))),
        Namesake("dadapt_adam", "DAdaptAdam", stepping(lambda p, h: po.DAdaptAdam(p, **with_eps(h), d0=h.d0))),
        Namesake(
            "mars",
            "MARS",
            stepping(lambda p, h: po.MARS(p, **with_eps(h), gamma=h.gamma, optimize_1d=True, weight_decay=0.0)),
            differs="adds eps to the root before its correction, and 1e-15 inside it",
            by=0.878,
        ),
        Namesake(
            "schedulefree_adamw",
            "ScheduleFreeAdamW",
            stepping(lambda p, h: _training(po.ScheduleFreeAdamW(p, **with_eps(h), weight_decay=h.weight_decay))),
            differs="adds 1e-15 inside the root",
            by=0.76,
        ),
        Namesake("shampoo", "Shampoo", stepping(lambda p, h: po.Shampoo(p, lr=h.lr, matrix_eps=h.eps))),
        Namesake(
            "soap",
            "SOAP",
            stepping(
                lambda p, h: po.SOAP(
                    p,
                    **with_eps(h),
                    weight_decay=h.weight_decay,
                    precondition_frequency=int(h.precondition_frequency),
                )
            ),
            differs="its QR decompositions are float32",
            by=3.1e-10,
        ),
    )


def _training(optimizer: Any) -> Any:
    """Switch a schedule-free optimizer to training mode, in which its parameters are y, where gradients are taken."""
    optimizer.train()
    return optimizer
