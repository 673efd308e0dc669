"""Steps to tolerance: a value that changes only if an algorithm changes."""

from typing import Any

from .commit import offered
from .steps import NUMBERS, leaf

OBJECTIVES: dict[str, dict[str, Any]] = {
    "sphere": {"dim": 128, "x0": 10.0},
    "quadratic": {"dim": 128, "x0": 1.0, "condition": 100.0},
    "rosenbrock": {"dim": 2, "x0": [-1.2, 1.0], "a": 1.0, "b": 100.0},
}


class Convergence:
    """Number of steps until a step is shorter than the tolerance; it is the same on all backends."""

    version = "1"
    unit = "steps"
    param_names = ("optimizer", "objective")
    params = (["adam", "adam_reordered", "amsgrad_paper"], list(OBJECTIVES))

    def track_steps(self, optimizer: str, objective: str) -> int:
        chosen = leaf("optimizer", optimizer)(**NUMBERS[optimizer] | {"lr": 0.01})
        on = leaf("objective", objective)(**OBJECTIVES[objective])
        minimize = offered("adamlab.running.minimize", "minimize", "adamlab.minimize")
        done = minimize(on, chosen, n_steps=20_000, tol=1e-6, backend="numpy", trace="none")
        assert done.status == "converged", done.status
        return int(done.steps)
