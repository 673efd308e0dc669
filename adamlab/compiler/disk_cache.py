"""Compiled kernels on disk: a second process loads a kernel instead of compiling it.

Numba's own disk cache does not work here, for two reasons. It looks a closure up by the values it closes over, which
for jitted functions include an identifier that no other process shares. And it stamps an entry with the one file that
holds the function, so after an edit of a helper in another file it loads callers that are stale. Here the folder is
named after a fingerprint of all sources that a kernel was made from (`adamlab.records.fingerprint`), and each file
after the kernel, the argument types, the processor and the versions of Numba and Python. Processes that start
together compile a kernel once: the first holds a lock on it, and the others wait and then load it.
"""

import fcntl
import hashlib
import os
import pickle
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, _Cache
from numba.core.serialize import dumps
from platformdirs import user_cache_path

KEPT_DAYS = 30
# The longest wait for another process that compiles the same kernel, and the time between two attempts.
PATIENCE_SECONDS, LOOK_SECONDS = 120.0, 0.02
_DIGEST = hashlib.sha256().digest_size


def keep_on_disk(dispatcher: Any, name: str, version: str) -> Any:
    """Keep the compiled code of a jitted function on disk.

    Parameters
    ----------
    dispatcher : numba dispatcher
        A function compiled by `numba.njit`; its cache and its ``compile`` method are replaced.
    name : str
        Beginning of the file names.
    version : str
        Name of the folder: a fingerprint of the sources, 20 hex digits.

    Returns
    -------
    numba dispatcher
        The same dispatcher.
    """
    cache = _DiskCache(dispatcher.py_func, name, cache_root() / "kernels" / version)
    dispatcher._cache, dispatcher._can_cache = cache, True
    load_or_compile = dispatcher.compile

    def once(sig: Any) -> Any:
        with cache.claim(sig, dispatcher.targetctx):
            return load_or_compile(sig)

    dispatcher.compile = once
    return dispatcher


def cache_root() -> Path:
    """Return the folder of compiled code: ``$ADAMLAB_CACHE``, or ``adamlab`` in the user's cache folder."""
    chosen = os.environ.get("ADAMLAB_CACHE")
    return Path(chosen) if chosen else user_cache_path("adamlab")


class _DiskCache(_Cache):  # type: ignore[misc]  # Numba carries no types
    """One file per compiled signature. If a file cannot be read or written, the kernel is compiled instead."""

    def __init__(self, py_func: Any, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder
        self._impl = CompileResultCacheImpl(py_func)

    @property
    def cache_path(self) -> str:
        return str(self._folder)

    @contextmanager
    def claim(self, sig: Any, target_context: Any) -> Iterator[None]:
        """Hold the lock on a kernel while it is compiled; without a lock if its file exists or the wait is too long.

        The lock belongs to an open file, so it ends with the process that holds it, however that process ends.
        """
        kernel = self._file(sig, target_context.codegen())
        if kernel.exists():
            yield
            return
        lock = kernel.with_suffix(".lock")
        handle, held = None, False
        try:
            with suppress(OSError):
                self._folder_to_write()
                handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
                held = _wait_for(handle)
            yield
        finally:
            if held:
                # Processes that wait have opened the file already, and later ones find the kernel.
                lock.unlink(missing_ok=True)
            if handle is not None:
                os.close(handle)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        with suppress(OSError):
            content = self._file(sig, target_context.codegen()).read_bytes()
            with suppress(OSError):
                self._folder.touch()
            digest, payload = content[:_DIGEST], content[_DIGEST:]
            if hashlib.sha256(payload).digest() == digest:
                return self._impl.rebuild(target_context, pickle.loads(payload))
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if not self._impl.check_cachable(data):
            return
        with suppress(OSError):
            self._folder_to_write()
            payload = dumps(self._impl.reduce(data))
            _write_whole(self._file(sig, data.codegen), hashlib.sha256(payload).digest() + payload)

    def _folder_to_write(self) -> None:
        if not self._folder.exists():
            _remove_old_versions(self._folder.parent)
        self._folder.mkdir(parents=True, exist_ok=True)

    def _file(self, sig: Any, codegen: Any) -> Path:
        made_for = (sig, codegen.magic_tuple(), numba.__version__, sys.version_info[:3])
        return self._folder / f"{self._name}-{hashlib.sha256(repr(made_for).encode()).hexdigest()[:20]}.kernel"

    def enable(self) -> None:
        """Do nothing: the cache is always on."""

    def disable(self) -> None:
        """Do nothing: the cache is always on."""

    def flush(self) -> None:
        """Do nothing: no entry is ever stale."""


def _wait_for(handle: int) -> bool:
    """Lock an open file; return False if another process still holds the lock after `PATIENCE_SECONDS`."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOOK_SECONDS)
        else:
            return True
    return False


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_old_versions(root: Path) -> None:
    """Delete the kernels of versions that no process has used for `KEPT_DAYS`, and nothing else."""
    for folder in root.glob("[0-9a-f]" * 20):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > KEPT_DAYS * 86400:
                for file in (*folder.glob("*.kernel"), *folder.glob("*.lock")):
                    file.unlink(missing_ok=True)
                folder.rmdir()
