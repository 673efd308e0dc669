"""Names in docstrings: a link if the site documents them, plain text if they only exist, an error if they do not."""

import importlib
import re
from dataclasses import fields, is_dataclass
from importlib.util import find_spec
from typing import Any

from docutils.nodes import Element, TextElement
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import get_node_source, make_refnode

_NOTHING = object()
# Libraries that the lab knows and that need not be installed where the documentation is built.
ELSEWHERE = {"jax", "optax", "pytorch_optimizer", "ray", "submitit", "torch"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx about the extension."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: TextElement) -> Element | None:
    """Resolve a reference to a Python object that Sphinx does not find under the name as it is written.

    A docstring may name an object of its module, class or package, one that another module defines, or one of another
    library. A reference to a type comes from the text of a ``Parameters`` section, where any word may stand.
    """
    if node.get("refdomain") != "py":
        return None
    found = _found(node)
    if found is _NOTHING:
        is_type, library = node["reftype"] == "class", node["reftarget"].partition(".")[0]
        return contnode if is_type or library in ELSEWHERE else None
    module, name = getattr(found, "__module__", ""), getattr(found, "__qualname__", "")
    for home in (f"{module}.{name}", f"adamlab.{name}"):
        if documented := env.domains["py"].objects.get(home):
            return make_refnode(app.builder, node["refdoc"], documented.docname, documented.node_id, contnode, home)
    return contnode


def _found(node: pending_xref) -> Any:
    """Return the object that a reference names, or ``_NOTHING``."""
    target = node["reftarget"].removesuffix("()")
    for name in (target, *(f"{context}.{target}" for context in _contexts(node))):
        found = _object(name)
        if found is not _NOTHING:
            return found
    return _NOTHING


def _contexts(node: pending_xref) -> list[str]:
    """Return the dotted names of what may hold the object, from the nearest: class, module, package, builtins."""
    module, cls = node.get("py:module") or "", node.get("py:class") or ""
    # A function that is documented under another module's name has its docstring from its own.
    home = re.search(r"docstring of ([\w.]+)", get_node_source(node) or "")
    nearest = [f"{module}.{cls}", module, *([home[1]] if home else [])]
    return [*(name for near in nearest for name in _with_parents(near)), "adamlab", "builtins"]


def _with_parents(name: str) -> list[str]:
    """Return a dotted name and the names of what it lies in."""
    parts = name.strip(".").split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1) if parts[0]]


def _object(name: str) -> Any:
    """Return the module, or the attribute or field of a module's class, with this dotted name."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return _NOTHING
    for end in range(len(parts), 0, -1):
        try:
            module = ".".join(parts[:end])
            found: Any = importlib.import_module(module) if find_spec(module) else _NOTHING
        except ImportError:
            continue
        for part in parts[end:] if found is not _NOTHING else ():
            if is_dataclass(found) and part in {field.name for field in fields(found)}:
                found = None
            else:
                found = getattr(found, part, _NOTHING)
        if found is not _NOTHING:
            return found
    return _NOTHING
