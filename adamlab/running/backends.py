"""Three ways to take a step with any rule: number by number, array by array, or in a compiled loop.

A stepper holds one run's iterate, the optimizer's state and the step count. All three call the optimizer's own
``coefficients`` and ``update``, and all take the squared length of a step in the order of `adamlab.rules.reduction`;
they agree to the last bit. Numba is imported where a compiled stepper is asked for, because importing it takes a while.
"""

from typing import Any

from adamlab.problems.problem import Array, Problem
from adamlab.rules.methods import acts_on
from adamlab.running.numpy_stepper import NumpyStepper
from adamlab.running.python_stepper import PythonStepper
from adamlab.running.stepping import Rule, Stepper
from adamlab.schedules.constant import Constant


def stepper(
    backend: str,
    optimizer: Any,
    problem: Problem | None,
    theta0: Array,
    schedule: Any = None,
    n_steps: int = 1,
    threads: int = 1,
) -> Stepper:
    """A stepper of the named backend that starts at ``theta0`` (copied).

    ``problem`` is what `Stepper.advance` takes gradients of; with None there is only `Stepper.step`. ``schedule`` is a
    leaf of `adamlab.schedules` (None: constant) over ``n_steps`` steps. ``threads`` share a large step of the numba
    backend. A rule that acts on a whole vector is NumPy's
    business on the python backend, and one that acts on a matrix on all: its time is in products of matrices, which
    every backend would hand to the same library.
    """
    rule = Rule(optimizer, Constant() if schedule is None else schedule, n_steps)
    if acts_on(optimizer) == "matrix" or (backend == "python" and acts_on(optimizer) == "vector"):
        return NumpyStepper(rule, problem, theta0)
    if backend == "numba" and acts_on(optimizer) == "vector":
        from adamlab.running.numba_steppers import NumbaVectorStepper

        return NumbaVectorStepper(rule, problem, theta0)
    if backend == "numba":
        from adamlab.running.numba_steppers import NumbaStepper

        return NumbaStepper(rule, problem, theta0, threads)
    if backend == "numpy":
        return NumpyStepper(rule, problem, theta0)
    return PythonStepper(rule, problem, theta0)
