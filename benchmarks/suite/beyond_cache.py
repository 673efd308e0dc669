"""Steps whose state is as large as the last cache or larger: tracked and shown, but nothing is judged by them.

Their time follows the neighbours on the machine by 10 to 100%. The python backend is left out: one step takes seconds.
"""

from .steps import ELEMENTWISE, _Steps, sizes, take_steps


class Numba(_Steps):
    """Compiled loops."""

    backend = "numba"
    params = (ELEMENTWISE, ["dim=1000000 steps=4"])
    rounds = 2
    repeat = 5


class NumPy(_Steps):
    """Whole arrays; for Muon, a matrix of 1,000 x 1,000."""

    backend = "numpy"
    params = ([*ELEMENTWISE, "muon"], ["dim=1000000 steps=1"])
    rounds = 2
    repeat = 2


class Bandwidth(_Steps):
    """Compiled loops over so much that only the memory's bandwidth counts."""

    param_names = ("optimizer", "run", "dtype")
    params = (["adam", "adam_reordered"], ["dim=20000000 steps=1"], ["float64", "float32"])
    rounds = 2
    repeat = 3

    def time_steps(self, optimizer: str, run: str, dtype: str) -> None:  # type: ignore[override]
        take_steps("numba", optimizer, *sizes(run), dtype=dtype)
