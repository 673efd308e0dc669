"""No schedule."""

from adamlab.rules.symbols import parameters


@parameters
class Constant:
    """Keep the learning rate constant."""

    def factor(self, t, n_steps):
        """Return 1 at every step."""
        return 1.0
