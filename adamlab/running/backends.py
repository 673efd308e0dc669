"""Steppers by backend: the same rule executed number by number, array by array, or in a compiled loop.

A stepper holds the iterate, the optimizer's state and the step count of one run. The three backends call the same
``coefficients`` and ``update`` of the optimizer and add up the squared length of a step in the order of
`adamlab.rules.reduction`, so their results agree to the last bit. Numba is imported only when a compiled stepper is
requested, because its import is slow.
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
    """Return a stepper of the named backend that starts at ``theta0``.

    Parameters
    ----------
    backend : {"python", "numpy", "numba"}
        How steps are executed.
    optimizer : dataclass
        An instance of a class in `adamlab.optimizers`.
    problem : Problem or None
        The problem whose gradient `Stepper.advance` follows. With None only `Stepper.step` can be used.
    theta0 : ndarray of float64 or float32
        The start; it is copied.
    schedule : dataclass, optional
        An instance of a class in `adamlab.schedules`. None is the constant schedule.
    n_steps : int, default 1
        Number of steps over which the schedule extends.
    threads : int, default 1
        Threads that share a large step of the numba backend.

    Returns
    -------
    Stepper

    Notes
    -----
    Two kinds of rules are executed on NumPy arrays although another backend is named: rules that act on a whole vector
    if the backend is python, and rules that act on a matrix on every backend. The latter spend their time in matrix
    products, which every backend would hand to the same library.
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
