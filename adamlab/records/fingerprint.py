"""Which version of the code computes something: a hash over source files, followed through imports.

Both a run's identity and the folder of its compiled kernels are keyed by it, so an edit of a leaf, or of anything
it uses, makes exactly its own results and kernels stale.
"""

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# Where installed libraries lie, which are told by their versions.
_LIBRARIES = {sysconfig.get_path(kind) for kind in ("purelib", "platlib", "stdlib", "platstdlib")}


@cache
def fingerprint(*modules: str) -> str:
    """A hash (20 hex digits) of the sources of ``modules`` and of all they import from their packages and folders.

    ``modules`` are dotted names; their order does not matter. Depends on the text of the files only, not on where
    they lie, nor on the machine or the version of Python.
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
    """Whether a module lies in a file, which one typed into a notebook or a prompt does not."""
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
    """The modules that ``name`` imports from its own package, or from beside it where no libraries are installed."""
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
    """The dotted name that a ``from`` statement in module ``name`` starts at."""
    up = node.level - (path.name == "__init__.py")
    parents = name.split(".")[: -up or None] if node.level else []
    return ".".join((*parents, *([node.module] if node.module else [])))


def _lies_in(root: Path, module: str) -> bool:
    place = root.joinpath(*module.split("."))
    return place.with_name(f"{place.name}.py").is_file() or (place / "__init__.py").is_file()
