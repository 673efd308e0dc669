"""Random numbers that belong to what uses them: a stream for each (seed, name), never a global one."""

from hashlib import sha256

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for each ``seed`` and ``name``, the same on every machine."""
    digest = sha256(f"{seed} {name}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))
