"""The site: Sphinx, MyST-NB (pages that run as they are built) and furo. `make docs` builds it; a warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

from generate import api, commands, docstrings, outside  # noqa: E402

import tauflow  # noqa: E402

project, author, copyright = "tauflow", "the tauflow developers", "the tauflow developers, Apache-2.0"  # noqa: A001
release = version = tauflow.__version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
]
exclude_patterns = ["generate", "_static"]

myst_enable_extensions = ["deflist", "attrs_inline", "colon_fence"]  # equations stand as code: no script from elsewhere
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_in_temp = True  # what a page writes is not left among the pages
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "error"  # a warning of a cell is one of the site
nb_merge_streams = True

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrt"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = "tauflow"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f6fd0", "color-brand-content": "#1f6fd0"},
    "dark_css_variables": {"color-brand-primary": "#6ea8f0", "color-brand-content": "#6ea8f0"},
}
copybutton_exclude = ".linenos, .gp, .go"
pygments_style, pygments_dark_style = "friendly", "github-dark"


def setup(app: object) -> None:
    """Pages that are made of the code, and links that leave docs/."""
    written = HERE / "generated"
    api.write(written / "api")
    commands.write(written)
    outside.write(written)
    docstrings.connect(app)
    outside.connect(app)
