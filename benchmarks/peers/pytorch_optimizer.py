"""The collection pytorch_optimizer, on the CPU in float64. Methods it takes from torch unchanged are left to torch."""

from typing import Any

from adamlab.conformance import Namesake
from benchmarks.peers.torch import stepping


def missing() -> str | None:
    """Why it cannot run here, or None."""
    try:
        import pytorch_optimizer  # noqa: F401
    except ImportError:
        return "pytorch_optimizer is not installed (make test-peers installs it)"
    return None


def version() -> str:
    """Its name and version."""
    from importlib.metadata import version as installed

    return f"pytorch_optimizer {installed('pytorch_optimizer')}"


def namesakes() -> tuple[Namesake, ...]:
    """Its methods that go by the name of one of our leaves, and what is known of how they differ."""
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
        Namesake("radam", "RAdam", stepping(lambda p, h: po.RAdam(p, **with_eps(h)))),
        Namesake("adabelief", "AdaBelief", stepping(lambda p, h: po.AdaBelief(p, **with_eps(h)))),
        Namesake("yogi", "Yogi", stepping(lambda p, h: po.Yogi(p, **with_eps(h), initial_accumulator=h.initial))),
        Namesake("padam", "PAdam", stepping(lambda p, h: po.PAdam(p, **with_eps(h), partial=h.p))),
        Namesake(
            "adabound",
            "AdaBound",
            stepping(lambda p, h: po.AdaBound(p, **with_eps(h), final_lr=h.final_lr, gamma=h.gamma)),
        ),
        Namesake("qhadam", "QHAdam", stepping(lambda p, h: po.QHAdam(p, **with_eps(h), nus=(h.nu1, h.nu2)))),
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
        Namesake("adopt", "ADOPT", stepping(lambda p, h: po.ADOPT(p, **with_eps(h)))),
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
        ),
        Namesake("grams", "Grams", stepping(lambda p, h: po.Grams(p, **with_eps(h)))),
        Namesake("laprop", "LaProp", stepping(lambda p, h: po.LaProp(p, **with_eps(h)))),
        Namesake("ano", "Ano", stepping(lambda p, h: po.Ano(p, **with_eps(h)))),
        Namesake("lamb", "Lamb", stepping(lambda p, h: po.Lamb(p, **with_eps(h), weight_decay=h.weight_decay))),
    )
