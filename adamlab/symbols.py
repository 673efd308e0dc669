"""Names, signs and ranges of hyperparameters for the file of a new method, defined in `adamlab.rules.symbols`."""

from adamlab.rules.symbols import *  # noqa: F403 -- the whole vocabulary
from adamlab.rules.symbols import ConfigurationError, parameters, symbols

__all__ = ["ConfigurationError", "parameters", "symbols"]
