"""Compiled kernels kept on disk, so that a second process loads them instead of compiling.

Numba's own disk cache cannot serve here: it looks a closure up by the identity of what it closes over, which no
other process shares, and it stamps an entry with the one file that holds the function, so an edited helper in
another file leaves its callers stale. Here the folder is named after a fingerprint of all sources that went into
the kernel, and each file after the argument types, the processor and the versions of Numba and Python. Processes that
start together compile a kernel once: the first holds a lock on it, and the others wait and load it.
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
# How long to wait for another process that compiles the same kernel, and how often to look.
PATIENCE_SECONDS, LOOK_SECONDS = 120.0, 0.02
_DIGEST = hashlib.sha256().digest_size


def keep_on_disk(dispatcher: Any, name: str, version: str) -> Any:
    """Give a jitted function a place on disk: file ``name``-... in the folder of ``version``. Returns it."""
    cache = _DiskCache(dispatcher.py_func, name, cache_root() / "kernels" / version)
    dispatcher._cache, dispatcher._can_cache = cache, True
    load_or_compile = dispatcher.compile

    def once(sig: Any) -> Any:
        with cache.claim(sig, dispatcher.targetctx):
            return load_or_compile(sig)

    dispatcher.compile = once
    return dispatcher


def cache_root() -> Path:
    """Where what is compiled is kept: ``$ADAMLAB_CACHE``, or ``adamlab`` in the user's cache folder."""
    chosen = os.environ.get("ADAMLAB_CACHE")
    return Path(chosen) if chosen else user_cache_path("adamlab")


class _DiskCache(_Cache):  # type: ignore[misc]  # Numba carries no types
    """One file per compiled signature. Whatever goes wrong with the disk, the kernel is compiled instead."""

    def __init__(self, py_func: Any, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder
        self._impl = CompileResultCacheImpl(py_func)

    @property
    def cache_path(self) -> str:
        return str(self._folder)

    @contextmanager
    def claim(self, sig: Any, target_context: Any) -> Iterator[None]:
        """Nobody else compiles this kernel meanwhile, unless it is there, or the one who does takes too long.

        The lock belongs to an open file, so it ends with its holder however that ends.
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
                # Whoever waits has it open; whoever comes later finds the kernel.
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
        """Always on."""

    def disable(self) -> None:
        """Always on."""

    def flush(self) -> None:
        """Nothing is stale."""


def _wait_for(handle: int) -> bool:
    """Take the lock of an open file; false if it could not be had in `PATIENCE_SECONDS`."""
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
    """Forget kernels of versions that no process has loaded for `KEPT_DAYS`; touches nothing else."""
    for folder in root.glob("[0-9a-f]" * 20):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > KEPT_DAYS * 86400:
                for file in (*folder.glob("*.kernel"), *folder.glob("*.lock")):
                    file.unlink(missing_ok=True)
                folder.rmdir()
