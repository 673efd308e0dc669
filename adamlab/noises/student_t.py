"""Additive noise with heavy tails."""

import math
from typing import Annotated

from adamlab.rules.symbols import NoiseScale, Number, parameters


@parameters
class StudentT:
    """Replace the gradient g by g + ``scale`` z, with z of Student's t distribution with ``df`` degrees of freedom.

    Its variance is infinite for ``df`` <= 2, and it has no mean for ``df`` <= 1. The number is computed from two
    uniform ones by the polar method of Bailey 1994 (Mathematics of Computation 62), the counterpart of Box-Muller for
    the t distribution.
    """

    scale: NoiseScale
    df: Annotated[float, Number("ν", "(0, inf)")]

    def noisy(self, g, u, v):
        """Return one coordinate of the gradient with its noise."""
        radius = math.sqrt(self.df * (math.pow(1.0 - u, -2.0 / self.df) - 1.0))
        return g + self.scale * (radius * math.cos(2.0 * math.pi * v))
