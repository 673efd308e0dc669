"""Noise in proportion to the gradient."""

import math

from adamlab.rules.symbols import NoiseScale, parameters


@parameters
class Multiplicative:
    """g (1 + ``scale`` z), with z standard normal: noise that vanishes where the gradient does.

    The normal number comes from two uniform ones (Box & Muller 1958).
    """

    scale: NoiseScale

    def noisy(self, g, u, v):
        """One coordinate of the gradient with its noise."""
        return g * (1.0 + self.scale * (math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)))
