"""How long a thread has spent on having kernels compiled, or loaded from disk, so that it counts for no run's time."""

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_spent = threading.local()


def seconds_compiling() -> float:
    """Return the seconds this thread has spent so far; a wait for another thread that compiles counts too."""
    return float(getattr(_spent, "seconds", 0.0))


def count_compilations(dispatcher: Any) -> Any:
    """Have the compilations of a jitted function counted by `seconds_compiling`.

    Parameters
    ----------
    dispatcher : numba dispatcher
        What `numba.njit` returns.

    Returns
    -------
    numba dispatcher
        The same one.
    """
    compile_signature = dispatcher.compile

    def counted(sig: Any) -> Any:
        with counted_as_compilation():
            return compile_signature(sig)

    dispatcher.compile = counted
    return dispatcher


@contextmanager
def counted_as_compilation() -> Iterator[None]:
    """Count what happens inside as compilation; also as a decorator, ``@counted_as_compilation()``."""
    # A kernel that needs another one is counted once.
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
