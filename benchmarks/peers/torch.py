"""PyTorch's optimizers (torch.optim), on the CPU in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np

from adamlab.conformance import Namesake, Step
from adamlab.problem import Array


def missing() -> str | None:
    """Why it cannot run here, or None."""
    try:
        import torch  # noqa: F401
    except ImportError:
        return "torch is not installed (make test-peers installs it)"
    return None


def version() -> str:
    """Its name and version."""
    import torch

    return f"torch {torch.__version__}"


def stepping(make: Callable[[list[Any], Any], Any]) -> Callable[[Any, Array], Step]:
    """A namesake's ``begin`` from a function of (parameters, hyperparameters) that makes a torch optimizer."""

    def begin(h: Any, theta0: Array) -> Step:
        import torch

        # NAdam keeps a running product in the default dtype.
        torch.set_default_dtype(torch.float64)
        parameter = torch.nn.Parameter(torch.tensor(theta0, dtype=torch.float64))
        optimizer = make([parameter], h)

        def step(gradient: Array) -> Array:
            parameter.grad = torch.tensor(gradient, dtype=torch.float64)
            optimizer.step()
            return np.array(parameter.detach().numpy())

        return step

    return begin


def namesakes() -> tuple[Namesake, ...]:
    """Its methods that go by the name of one of our leaves, and what is known of how they differ."""
    from torch import optim

    def betas(h: Any) -> dict[str, Any]:
        return {"lr": h.lr, "betas": (h.beta1, h.beta2), "eps": h.eps}

    return (
        Namesake("sgd", "SGD", stepping(lambda p, h: optim.SGD(p, lr=h.lr))),
        Namesake("momentum", "SGD(momentum)", stepping(lambda p, h: optim.SGD(p, lr=h.lr, momentum=h.momentum))),
        Namesake(
            "nesterov",
            "SGD(momentum, nesterov)",
            stepping(lambda p, h: optim.SGD(p, lr=h.lr, momentum=h.momentum, nesterov=True)),
        ),
        Namesake("adagrad", "Adagrad", stepping(lambda p, h: optim.Adagrad(p, lr=h.lr, eps=h.eps))),
        Namesake("rmsprop", "RMSprop", stepping(lambda p, h: optim.RMSprop(p, lr=h.lr, alpha=h.rho, eps=h.eps))),
        Namesake("adadelta", "Adadelta", stepping(lambda p, h: optim.Adadelta(p, lr=h.lr, rho=h.rho, eps=h.eps))),
        Namesake("adam", "Adam", stepping(lambda p, h: optim.Adam(p, **betas(h)))),
        Namesake(
            "adam_reordered",
            "Adam",
            stepping(lambda p, h: optim.Adam(p, **betas(h))),
            differs="torch adds eps to the root of the corrected second moment, the reordered form to the raw root",
            by=4.38,
        ),
        Namesake("adamax_torch", "Adamax", stepping(lambda p, h: optim.Adamax(p, **betas(h)))),
        Namesake(
            "adamax",
            "Adamax",
            stepping(lambda p, h: optim.Adamax(p, lr=h.lr, betas=(h.beta1, h.beta2), eps=1e-8)),
            differs="torch adds eps to the gradient's magnitude before the maximum; the paper has no eps",
            by=1.0,
        ),
        Namesake(
            "adam_l2",
            "Adam(weight_decay)",
            stepping(lambda p, h: optim.Adam(p, **betas(h), weight_decay=h.weight_decay)),
        ),
        Namesake("adamw", "AdamW", stepping(lambda p, h: optim.AdamW(p, **betas(h), weight_decay=h.weight_decay))),
        Namesake(
            "nadam_torch", "NAdam", stepping(lambda p, h: optim.NAdam(p, **betas(h), momentum_decay=h.momentum_decay))
        ),
        Namesake(
            "nadam",
            "NAdam(momentum_decay=0)",
            stepping(lambda p, h: optim.NAdam(p, **betas(h), momentum_decay=0)),
            differs="without decay torch's momentum schedule stays at beta1 / 2",
            by=0.667,
        ),
        Namesake(
            "nadamw_torch",
            "NAdam(decoupled_weight_decay)",
            stepping(
                lambda p, h: optim.NAdam(
                    p,
                    **betas(h),
                    momentum_decay=h.momentum_decay,
                    weight_decay=h.weight_decay,
                    decoupled_weight_decay=True,
                )
            ),
        ),
        Namesake("amsgrad_torch", "Adam(amsgrad)", stepping(lambda p, h: optim.Adam(p, **betas(h), amsgrad=True))),
        Namesake(
            "amsgrad_optax",
            "Adam(amsgrad)",
            stepping(lambda p, h: optim.Adam(p, **betas(h), amsgrad=True)),
            differs="torch takes the maximum before it corrects the second moment, optax after",
            by=1.19,
        ),
        Namesake(
            "amsgrad_paper",
            "Adam(amsgrad)",
            stepping(lambda p, h: optim.Adam(p, **betas(h), amsgrad=True)),
            differs="torch corrects both moments, the paper neither",
            by=0.611,
        ),
        Namesake("radam", "RAdam", stepping(lambda p, h: optim.RAdam(p, **betas(h)))),
        Namesake(
            "radam_optax",
            "RAdam",
            stepping(lambda p, h: optim.RAdam(p, **betas(h))),
            differs="torch adds eps to the raw root of the second moment, optax to the corrected one",
            by=0.682,
        ),
        Namesake(
            "adafactor",
            "Adafactor",
            stepping(lambda p, h: optim.Adafactor(p, lr=h.lr, beta2_decay=h.beta2_decay, eps=(h.eps1, h.eps2), d=h.d)),
        ),
        Namesake(
            "adafactor_matrix",
            "Adafactor",
            stepping(lambda p, h: optim.Adafactor(p, lr=h.lr, beta2_decay=h.beta2_decay, eps=(h.eps1, h.eps2), d=h.d)),
        ),
        Namesake(
            "muon",
            "Muon",
            stepping(lambda p, h: optim.Muon(p, lr=h.lr, momentum=h.momentum, weight_decay=h.weight_decay)),
            differs="torch orthogonalizes in bfloat16, and clamps the norm where the author adds to it",
            by=0.000463,
        ),
    )
