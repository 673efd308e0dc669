"""Decay by 1 / sqrt(t), as in online convex optimization."""

import math

from adamlab.rules.symbols import parameters


@parameters
class InverseSqrt:
    """Use lr / sqrt(t), as in the regret bounds of Kingma & Ba 2015, section 4, and Reddi et al. 2018."""

    def factor(self, t, n_steps):
        """Return 1 / sqrt(t)."""
        return 1.0 / math.sqrt(t)
