"""Decay along half a cosine."""

import math

from adamlab.rules.symbols import FinalShare, parameters


@parameters
class Cosine:
    """Lower the learning rate from lr at step 1 along half a cosine to ``final`` lr, which step n_steps + 1 would have.

    Source: Loshchilov & Hutter 2017 (arXiv:1608.03983), equation 5, without restarts.
    """

    final: FinalShare

    def factor(self, t, n_steps):
        """Return final + (1 - final) (1 + cos(pi (t - 1) / n_steps)) / 2."""
        return self.final + (1.0 - self.final) * (0.5 * (1.0 + math.cos(math.pi * ((t - 1) / n_steps))))
