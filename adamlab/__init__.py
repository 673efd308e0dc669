"""adamlab: a reproducible experiment and research harness for the Adam family of optimizers."""

__version__ = "0.1.0"
