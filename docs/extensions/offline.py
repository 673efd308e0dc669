"""A page must not load anything from another host: the documentation is read without a network."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

LOADED = re.compile(r"""<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=["'](?:https?:)?//[^"']*""")
IN_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//[^"')]*""")


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx about the extension."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def check(app: Sphinx, error: Exception | None) -> None:
    """Warn of each page or style sheet that loads something from elsewhere."""
    if error is not None or app.builder.format != "html":
        return
    for pattern, suffix in ((LOADED, "html"), (IN_STYLE, "css")):
        for path in sorted(Path(app.outdir).rglob(f"*.{suffix}")):
            for found in pattern.findall(path.read_text(encoding="utf-8")):
                logging.getLogger(__name__).warning("%s loads from elsewhere: %s", path.name, found)
