"""Time per step, and steps to convergence.

No class has a ``setup``: asv would then take one call for a sample, which is too short for a compiled loop. Kernels are
compiled when this module is imported, so that neither calibration nor a sample contains the compiler.
"""

import os

for _variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from adamlab.backends import stepper  # noqa: E402 -- the threads first
from adamlab.minimize import first_iterate, minimize  # noqa: E402
from adamlab.objectives.sphere import Sphere  # noqa: E402
from adamlab.optimizers.adam import Adam  # noqa: E402
from adamlab.optimizers.adam_reordered import AdamReordered  # noqa: E402
from adamlab.problem import Problem  # noqa: E402
from adamlab.stopping import Stopping  # noqa: E402

NUMBERS = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
OPTIMIZERS = {"adam": Adam(**NUMBERS), "adam_reordered": AdamReordered(**NUMBERS)}
STEPS = {"python": 3, "numpy": 30, "numba": 300}


def run(optimizer, backend, dim):
    """One whole run of the backend's number of steps."""
    objective = Sphere(dim=dim, x0=10.0)
    stepping = stepper(backend, OPTIMIZERS[optimizer], Problem(objective), first_iterate(objective))
    stepping.advance(STEPS[backend], Stopping(tol=1e-6))


for _optimizer in OPTIMIZERS:
    run(_optimizer, "numba", 1)


class Step:
    """Seconds for 3, 30 or 300 steps (python, numpy, numba), set-up included."""

    version = "1"
    params = (["adam", "adam_reordered"], ["python", "numpy", "numba"], [1, 128, 4096])
    param_names = ("optimizer", "backend", "dim")

    def time_run(self, optimizer, backend, dim):
        run(optimizer, backend, dim)


class Convergence:
    """Steps to convergence on the sphere at lr 0.01: a jump says that an algorithm has changed."""

    version = "1"
    unit = "steps"
    params = (["adam", "adam_reordered"],)
    param_names = ("optimizer",)

    def track_steps(self, optimizer):
        chosen = type(OPTIMIZERS[optimizer])(**NUMBERS | {"lr": 0.01})
        return minimize(Sphere(dim=128, x0=10.0), chosen, n_steps=10_000, tol=1e-6, trace="none").steps
