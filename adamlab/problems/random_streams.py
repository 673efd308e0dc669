"""Random numbers that belong to what uses them: a stream for each (seed, name), never a global one."""

from hashlib import sha256

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for each ``seed`` and ``name``, the same on every machine."""
    return np.random.default_rng(np.frombuffer(_digest(seed, name), np.uint32))


def stream_key(seed: int, name: str) -> np.uint64:
    """The key of the counter-based stream (`adamlab.problems.philox`) that belongs to ``seed`` and ``name``."""
    return np.uint64(int.from_bytes(_digest(seed, name)[:8], "little"))


def _digest(seed: int, name: str) -> bytes:
    return sha256(f"{seed} {name}".encode()).digest()
