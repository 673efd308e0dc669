"""The time that each thread spends compiling kernels or loading them from disk, to be subtracted from a run's time.

This module does not import Numba.
"""

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_spent = threading.local()


def seconds_compiling() -> float:
    """Return the seconds this thread has spent on compilation so far, waits for other threads that compile included."""
    return float(getattr(_spent, "seconds", 0.0))


def count_compilations(dispatcher: Any) -> Any:
    """Count the compilations of a jitted function in `seconds_compiling`.

    Parameters
    ----------
    dispatcher : numba dispatcher
        A function compiled by `numba.njit`; its ``compile`` method is replaced.

    Returns
    -------
    numba dispatcher
        The same dispatcher.
    """
    compile_signature = dispatcher.compile

    def counted(sig: Any) -> Any:
        with counted_as_compilation():
            return compile_signature(sig)

    dispatcher.compile = counted
    return dispatcher


@contextmanager
def counted_as_compilation() -> Iterator[None]:
    """Count the time of a ``with`` block as compilation; also a decorator, ``@counted_as_compilation()``."""
    # Compilations within compilations are counted once.
    if getattr(_spent, "counting", False):
        yield
        return
    _spent.counting, begun = True, time.perf_counter()
    # Numba makes many objects and no garbage that matters: collecting it takes a tenth of the time of a compilation.
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        _spent.counting, _spent.seconds = False, seconds_compiling() + time.perf_counter() - begun
