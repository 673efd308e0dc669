"""Steps whose state is as large as the last cache or larger: tracked and shown, but nothing is judged by them.

Their time follows the neighbours on the machine by 10 to 100%. The python backend is left out: one step takes seconds.
"""

from .steps import ELEMENTWISE, _Steps


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
