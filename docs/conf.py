"""How Sphinx builds these pages: `make docs`."""

from __future__ import annotations

import os

# Before anything imports PyTorch; see pellucid.cli.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from pellucid import __version__

project = "Pellucid"
author = "the Pellucid contributors"
copyright = f"2026, {author}"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "Pellucid"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# Types of shape annotations and of private parts have no pages of their own.
nitpicky = False
