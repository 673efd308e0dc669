"""A straight line down."""

from adamlab.rules.symbols import FinalShare, parameters


@parameters
class Linear:
    """From lr at the first step in a straight line towards ``final`` lr, which step n_steps + 1 would have.

    Source: common practice; Defazio et al. 2023 (arXiv:2310.07831) find it the best of the usual ones.
    """

    final: FinalShare

    def factor(self, t, n_steps):
        """1 - (1 - final) (t - 1) / n_steps."""
        return 1.0 - (1.0 - self.final) * ((t - 1) / n_steps)
