"""Linear decay."""

from adamlab.rules.symbols import FinalShare, parameters


@parameters
class Linear:
    """Lower the learning rate linearly from lr at step 1 to ``final`` lr, which step n_steps + 1 would have.

    Source: common practice; Defazio et al. 2023 (arXiv:2310.07831) find it the best of the usual ones.
    """

    final: FinalShare

    def factor(self, t, n_steps):
        """Return 1 - (1 - final) (t - 1) / n_steps."""
        return 1.0 - (1.0 - self.final) * ((t - 1) / n_steps)
