"""Versions of code: a hash of source files and of the modules that they import.

The identity of a run and the cache folder of its compiled kernels depend on this hash. An edit of an optimizer, or of
any module it uses, therefore makes exactly the results and kernels stale that depend on it.
"""

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# Folders of installed libraries, which are identified by their versions and are not hashed.
_LIBRARIES = {sysconfig.get_path(kind) for kind in ("purelib", "platlib", "stdlib", "platstdlib")}


@cache
def fingerprint(*modules: str) -> str:
    """Return a hash of the sources of ``modules`` and of all that they import from their own packages and folders.

    Parameters
    ----------
    *modules : str
        Dotted names; their order does not matter.

    Returns
    -------
    str
        20 hexadecimal digits. They depend only on the names of the modules and the text of their files, not on the
        folder that the files lie in, the machine, or the version of Python.

    Raises
    ------
    ModuleNotFoundError
        If a module has no source file.
    """
    digest = hashlib.sha256()
    for name in sorted(_with_imports(modules)):
        digest.update(name.encode() + b"\0" + _source(name) + b"\0")
    return digest.hexdigest()[:20]


def _with_imports(modules: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports(name))
    return found


@cache
def _source(name: str) -> bytes:
    return _path(name).read_bytes().replace(b"\r\n", b"\n")


def has_source(name: str) -> bool:
    """Return whether an imported module has a source file; one typed at a prompt or in a notebook has none.

    Parameters
    ----------
    name : str
        Dotted name of the module.

    Returns
    -------
    bool
    """
    return getattr(sys.modules.get(name), "__file__", None) is not None and name != "__main__"


@cache
def _path(name: str) -> Path:
    module = sys.modules.get(name)
    origin = getattr(module, "__file__", None) or getattr(find_spec(name), "origin", None)
    if origin is None:
        raise ModuleNotFoundError(f"{name}: no source file")
    return Path(origin)


@cache
def _imports(name: str) -> tuple[str, ...]:
    """Return the modules that ``name`` imports from its own package, or from its folder if no libraries lie there."""
    path = _path(name)
    root = path.parents[name.count(".") + (path.name == "__init__.py")]
    package = "" if str(root) not in _LIBRARIES else name.partition(".")[0]
    named: set[str] = set()
    for node in ast.walk(ast.parse(_source(name))):
        if isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(name, path, node)
            named.update((base, *(f"{base}.{alias.name}" for alias in node.names)))
    own = (module for module in named if not package or module.partition(".")[0] == package)
    return tuple(sorted(module for module in own if _lies_in(root, module)))


def _absolute(name: str, path: Path, node: ast.ImportFrom) -> str:
    """Return the absolute dotted name of the module in a ``from`` statement of module ``name``."""
    up = node.level - (path.name == "__init__.py")
    parents = name.split(".")[: -up or None] if node.level else []
    return ".".join((*parents, *([node.module] if node.module else [])))


def _lies_in(root: Path, module: str) -> bool:
    place = root.joinpath(*module.split("."))
    return place.with_name(f"{place.name}.py").is_file() or (place / "__init__.py").is_file()
