"""Noise in proportion to the gradient."""

import math

from adamlab.rules.symbols import NoiseScale, parameters


@parameters
class Multiplicative:
    """Replace the gradient g by g (1 + ``scale`` z), with z standard normal: noise that vanishes where g does.

    The normal number is computed from two uniform ones (Box & Muller 1958).
    """

    scale: NoiseScale

    def noisy(self, g, u, v):
        """Return one coordinate of the gradient with its noise."""
        return g * (1.0 + self.scale * (math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)))
