"""A separate stream of random numbers for each seed and name, so that nothing depends on a global stream."""

from hashlib import sha256

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """Return a random number generator that is the same on every machine.

    Parameters
    ----------
    seed : int
        The seed.
    name : str
        The name of the stream.

    Returns
    -------
    numpy.random.Generator
        A new generator at the start of the stream that belongs to ``seed`` and ``name``.
    """
    return np.random.default_rng(np.frombuffer(_digest(seed, name), np.uint32))


def stream_key(seed: int, name: str) -> np.uint64:
    """Return the key of a counter-based stream (`adamlab.problems.philox`).

    Parameters
    ----------
    seed : int
        The seed.
    name : str
        The name of the stream.

    Returns
    -------
    numpy.uint64
        The key that belongs to ``seed`` and ``name``.
    """
    return np.uint64(int.from_bytes(_digest(seed, name)[:8], "little"))


def _digest(seed: int, name: str) -> bytes:
    """Return the SHA-256 hash of a seed and a name."""
    return sha256(f"{seed} {name}".encode()).digest()
