"""Sphinx configuration of the manual; `make docs` builds it with every warning an error."""

from __future__ import annotations

import sys
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS / "_ext")]

_setup = ConfigParser()
_setup.read(ROOT / "setup.cfg", encoding="utf-8")

project = "flask-gluu-changes"
author = "the flask-gluu-changes authors"
copyright = f"2025, {author}"  # noqa: A001
version = release = _setup["metadata"]["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "from_code",
]
exclude_patterns = ["_build", "_ext"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

if find_spec("ldap") is None:  # it needs a compiler, and the manual needs its names only
    autodoc_mock_imports = ["ldap"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 60
add_module_names = False
default_role = "code"  # in docstrings, names stand in single backticks

nitpick_ignore_regex = [
    # Types of other packages: their own manuals are on the internet, which a build does not need.
    (r"py:.*", r"(flask|flask_smorest|werkzeug|click|httpx|sqlalchemy|ldap|orjson|pytest)(\..*)?"),
    (
        r"py:.*",
        r"(collections|contextlib|datetime|os|pathlib|typing|enum|dataclasses|logging|abc)(\..*)?",
    ),
    (
        r"py:class",
        r"(Any|Callable|Iterable|Iterator|Mapping|Sequence|Path|Flask|Api|Engine|tzinfo)",
    ),
    (r"py:exc", r"(ValueError|OSError|HTTPException|KeyError)"),
    # What parts of the package hand to each other, which is not public.
    (r"py:class", r"flask_gluu_changes\.(journal\.protocol|feed\.parts|encoder)\..*"),
    (r"py:class", r"flask_gluu_changes\.visibility\.rule\..*"),
    (r"py:class", r"flask_gluu_changes\.model\.Level"),
    (r"py:class", r"(flask_gluu_changes\.protection\.caching\.)?Clock"),
    (r"py:exc", r"ResyncRequired"),
    # Type variables of decorators.
    (r"py:class", r"(~|flask_gluu_changes\..*\.)[A-Z]"),
]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_show_sourcelink = False
html_copy_source = False


def _skip_field(_: object, __: str, ___: str, member: object, skip: bool, *____: object) -> bool:
    """Leave out the fields of named tuples: what they mean stands at the class."""
    return skip or type(member).__name__ == "_tuplegetter"


def setup(app: Sphinx) -> None:
    """Register what this manual does in its own way."""
    app.connect("autodoc-skip-member", _skip_field)
