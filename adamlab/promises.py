"""Theoretical guarantees of a method's steps: the former name of `adamlab.rules.guarantees`."""

from adamlab.rules.guarantees import Guarantees as Promises
from adamlab.rules.guarantees import longest_ratio, longest_ratio_to_maximum

__all__ = ["Promises", "longest_ratio", "longest_ratio_to_maximum"]
