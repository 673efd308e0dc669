"""Linear warm-up, then decay along half a cosine."""

import math

from adamlab.rules.symbols import FinalShare, Warmup, parameters


@parameters
class WarmupCosine:
    """Use lr t / ``warmup`` for ``warmup`` steps, then decay along half a cosine to ``final`` lr.

    Source: warm-up as in Goyal et al. 2017 (arXiv:1706.02677), decay as in Loshchilov & Hutter 2017
    (arXiv:1608.03983); together the usual schedule of language models.
    """

    warmup: Warmup
    final: FinalShare

    def factor(self, t, n_steps):
        """Return t / warmup, then final + (1 - final) (1 + cos(pi (t - 1 - warmup) / (n_steps - warmup))) / 2."""
        if t <= self.warmup:
            return t / self.warmup
        progress = (t - 1 - self.warmup) / (n_steps - self.warmup)
        return self.final + (1.0 - self.final) * (0.5 * (1.0 + math.cos(math.pi * progress)))
