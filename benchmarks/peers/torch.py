"""PyTorch's optimizers (torch.optim), on the CPU.

They are timed as users call them, one ``step()`` after another from Python, with the same number of threads as
adamlab: in the default form (a loop of operations on whole tensors), with ``foreach`` and, where there is one, with the
``fused`` kernel. The gradient is written into ``.grad`` by its formula, without automatic differentiation. The stopping
test is done where there is a tolerance.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adamlab.measuring.conformance import Namesake, Step
from adamlab.measuring.timing import Advance, Implementation, Runs
from adamlab.problems.problem import Array
from benchmarks.peers import hyperparameters, on_sphere, sphere_start


def missing() -> str | None:
    """Return the reason why this peer cannot run here, or None."""
    try:
        import torch  # noqa: F401
    except ImportError:
        return "torch is not installed (make test-peers installs it)"
    return None


def version() -> str:
    """Return the library's name and version."""
    import torch

    return f"torch {torch.__version__}"


def implementations(keys: Mapping[str, Any]) -> dict[str, Implementation]:
    """Return the ways to run the torch optimizer that takes the same steps, if any, on the sphere."""
    if keys["optimizer"] not in _equal() or not on_sphere(keys, any_threads=True):
        return {}
    optimizer, settings, _ = _equal()[keys["optimizer"]]
    known, numbers = inspect.signature(optimizer).parameters, settings(hyperparameters(keys))
    ways: dict[str, dict[str, Any]] = {"default": {}}
    ways |= {name: {name: True} for name in ("foreach", "fused") if name in known}
    return {f"torch-{name}": _runs(optimizer, numbers | how, keys) for name, how in ways.items()}


def _runs(optimizer: Any, settings: dict[str, Any], keys: Mapping[str, Any]) -> Runs:
    import torch

    tol = keys["tol"]

    def begin() -> Advance:
        theta = torch.nn.Parameter(torch.from_numpy(sphere_start(keys)))
        theta.grad = torch.empty_like(theta)
        one = optimizer([theta], **settings)

        def advance(steps: int) -> Any:
            # The setting is global, and cases with other numbers of threads run in between.
            torch.set_num_threads(keys["threads"])
            with torch.no_grad():
                for _ in range(steps):
                    torch.add(theta, theta, out=theta.grad)
                    before = theta.clone() if tol > 0 else None
                    one.step()
                    if before is not None and torch.sum((theta - before) ** 2) < tol**2:
                        break
            return theta.detach().numpy()

        return advance

    return Runs(begin)


def stepping(make: Callable[[list[Any], Any], Any]) -> Callable[[Any, Array], Step]:
    """Return the ``begin`` of a namesake, made from a torch optimizer.

    Parameters
    ----------
    make : callable
        Returns the torch optimizer for given parameters and hyperparameters.
    """

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


def _betas(h: Any) -> dict[str, Any]:
    return {"lr": h.lr, "betas": (h.beta1, h.beta2), "eps": h.eps}


def _equal() -> dict[str, tuple[Any, Callable[[Any], dict[str, Any]], str]]:
    """Return, by optimizer of adamlab, the torch class with the same steps, its settings and its usual spelling."""
    from torch import optim

    def decayed(h: Any) -> dict[str, Any]:
        return {**_betas(h), "weight_decay": h.weight_decay}

    def adafactor(h: Any) -> dict[str, Any]:
        return {"lr": h.lr, "beta2_decay": h.beta2_decay, "eps": (h.eps1, h.eps2), "d": h.d}

    return {
        "sgd": (optim.SGD, lambda h: {"lr": h.lr}, "SGD"),
        "momentum": (optim.SGD, lambda h: {"lr": h.lr, "momentum": h.momentum}, "SGD(momentum)"),
        "nesterov": (
            optim.SGD,
            lambda h: {"lr": h.lr, "momentum": h.momentum, "nesterov": True},
            "SGD(momentum, nesterov)",
        ),
        "adagrad": (optim.Adagrad, lambda h: {"lr": h.lr, "eps": h.eps}, "Adagrad"),
        "rmsprop": (optim.RMSprop, lambda h: {"lr": h.lr, "alpha": h.rho, "eps": h.eps}, "RMSprop"),
        "adadelta": (optim.Adadelta, lambda h: {"lr": h.lr, "rho": h.rho, "eps": h.eps}, "Adadelta"),
        "adam": (optim.Adam, _betas, "Adam"),
        "adamax_torch": (optim.Adamax, _betas, "Adamax"),
        "adam_l2": (optim.Adam, decayed, "Adam(weight_decay)"),
        "adamw": (optim.AdamW, decayed, "AdamW"),
        "nadam_torch": (optim.NAdam, lambda h: {**_betas(h), "momentum_decay": h.momentum_decay}, "NAdam"),
        "nadamw_torch": (
            optim.NAdam,
            lambda h: {**decayed(h), "momentum_decay": h.momentum_decay, "decoupled_weight_decay": True},
            "NAdam(decoupled_weight_decay)",
        ),
        "amsgrad_torch": (optim.Adam, lambda h: {**_betas(h), "amsgrad": True}, "Adam(amsgrad)"),
        "radam": (optim.RAdam, _betas, "RAdam"),
        "adafactor": (optim.Adafactor, adafactor, "Adafactor"),
        "adafactor_matrix": (optim.Adafactor, adafactor, "Adafactor"),
    }


def namesakes() -> tuple[Namesake, ...]:
    """Return torch's methods with the names of adamlab's optimizers, and their known differences."""
    from torch import optim

    def same(optimizer: Any, settings: Callable[[Any], dict[str, Any]]) -> Callable[[Any, Array], Step]:
        return stepping(lambda p, h: optimizer(p, **settings(h)))

    equal = (
        Namesake(leaf, spelled, same(optimizer, settings)) for leaf, (optimizer, settings, spelled) in _equal().items()
    )
    return (
        *equal,
        Namesake(
            "adam_reordered",
            "Adam",
            stepping(lambda p, h: optim.Adam(p, **_betas(h))),
            differs="torch adds eps to the root of the corrected second moment, the reordered form to the raw root",
            by=4.38,
        ),
        Namesake(
            "adamax",
            "Adamax",
            stepping(lambda p, h: optim.Adamax(p, lr=h.lr, betas=(h.beta1, h.beta2), eps=1e-8)),
            differs="torch adds eps to the gradient's magnitude before the maximum; the paper has no eps",
            by=1.0,
        ),
        Namesake(
            "nadam",
            "NAdam(momentum_decay=0)",
            stepping(lambda p, h: optim.NAdam(p, **_betas(h), momentum_decay=0)),
            differs="without decay torch's momentum schedule stays at beta1 / 2",
            by=0.667,
        ),
        Namesake(
            "amsgrad_optax",
            "Adam(amsgrad)",
            stepping(lambda p, h: optim.Adam(p, **_betas(h), amsgrad=True)),
            differs="torch takes the maximum before it corrects the second moment, optax after",
            by=1.19,
        ),
        Namesake(
            "amsgrad_paper",
            "Adam(amsgrad)",
            stepping(lambda p, h: optim.Adam(p, **_betas(h), amsgrad=True)),
            differs="torch corrects both moments, the paper neither",
            by=0.611,
        ),
        Namesake(
            "radam_optax",
            "RAdam",
            stepping(lambda p, h: optim.RAdam(p, **_betas(h))),
            differs="torch adds eps to the raw root of the second moment, optax to the corrected one",
            by=0.682,
        ),
        Namesake(
            "muon",
            "Muon",
            stepping(lambda p, h: optim.Muon(p, lr=h.lr, momentum=h.momentum, weight_decay=h.weight_decay)),
            differs="torch orthogonalizes in bfloat16, and clamps the norm where the author adds to it",
            by=0.000463,
        ),
    )
