"""How Sphinx builds the documentation: ``make docs``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]

import adamlab  # noqa: E402 -- the checkout's own package, which the line above makes importable

project = "adamlab"
author = copyright = "the adamlab developers"
version = release = adamlab.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    # What the pages take from the package itself, so that it stands once.
    "generated_tables",
    "known_names",
    "offline",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

# A name in single backticks is a reference, in docstrings as in NumPy's.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "adamlab"
html_static_path = ["static"]
html_css_files = ["adamlab.css"]
html_copy_source = False
html_show_sourcelink = False
# A browser does not let a page read its neighbours from disk, which the summaries of search results need.
html_show_search_summary = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
