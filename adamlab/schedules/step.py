"""Step decay."""

import math
from typing import Annotated

from adamlab.rules.symbols import Number, parameters


@parameters
class Step:
    """Multiply the learning rate by ``gamma`` after every ``every`` steps.

    Source: common practice in vision, for example He et al. 2016 (arXiv:1512.03385), section 3.4.
    """

    every: Annotated[int, Number("", "[1, 2^63)", whole=True)]
    gamma: Annotated[float, Number("γ", "(0, 1]")]

    def factor(self, t, n_steps):
        """Return ``gamma`` to the power floor((t - 1) / every), the number of whole periods before step t."""
        return math.pow(self.gamma, math.floor((t - 1) / self.every))
