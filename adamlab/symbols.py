"""Names, signs and ranges of hyperparameters: what the file of a method imports is defined in `adamlab.rules.symbols`."""

from adamlab.rules.symbols import *  # noqa: F403 -- the whole vocabulary
from adamlab.rules.symbols import ConfigurationError, parameters, symbols

__all__ = ["ConfigurationError", "parameters", "symbols"]
