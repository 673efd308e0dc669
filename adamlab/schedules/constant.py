"""No schedule."""

from adamlab.rules.symbols import parameters


@parameters
class Constant:
    """The learning rate stays as it is."""

    def factor(self, t, n_steps):
        """1 at every step."""
        return 1.0
