"""Time per step where the state is as large as the last-level cache or larger: shown, but not judged.

These times vary by 10 to 100% with the other work on the machine. The python backend is left out, because one step
takes seconds.
"""

from .steps import ELEMENTWISE, _Steps, sizes, take_steps


class Numba(_Steps):
    """Steps of the numba backend: compiled loops."""

    backend = "numba"
    params = (ELEMENTWISE, ["dim=1000000 steps=4"])
    rounds = 2
    repeat = 5


class NumPy(_Steps):
    """Steps of the numpy backend: operations on whole arrays; for Muon, on a matrix of 1,000 x 1,000."""

    backend = "numpy"
    params = ([*ELEMENTWISE, "muon"], ["dim=1000000 steps=1"])
    rounds = 2
    repeat = 2


class Bandwidth(_Steps):
    """Steps of the numba backend on arrays so large that memory bandwidth alone limits them."""

    param_names = ("optimizer", "run", "dtype")
    params = (["adam", "adam_reordered"], ["dim=20000000 steps=1"], ["float64", "float32"])
    rounds = 2
    repeat = 3

    def time_steps(self, optimizer: str, run: str, dtype: str) -> None:  # type: ignore[override]
        take_steps("numba", optimizer, *sizes(run), dtype=dtype)
