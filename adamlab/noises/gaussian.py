"""Additive normal noise."""

import math

from adamlab.rules.symbols import NoiseScale, parameters


@parameters
class Gaussian:
    """Replace the gradient g by g + ``scale`` z, with z standard normal, independent over coordinates and steps.

    The normal number is computed from two uniform ones (Box & Muller 1958).
    """

    scale: NoiseScale

    def noisy(self, g, u, v):
        """Return one coordinate of the gradient with its noise."""
        return g + self.scale * (math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v))
