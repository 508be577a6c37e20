"""The README's table of settings, made from their declarations.

`python -m tests.support.settings_table` writes it anew.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from flask_gluu_changes.extension import SETTINGS
from flask_gluu_changes.settings.fields import key_of
from flask_gluu_changes.settings.profiles import PROFILES, SECRETS

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->\n"
SHOWN = {None: "none", (): "none", "": "none", SECRETS: "the list in `flask_gluu_changes/gluu.py`"}


def table() -> str:
    """Write a row for every declared setting."""
    rows = [_row(declared) for cls in SETTINGS for declared in fields(cls)]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows, ""])


def inserted(readme: str) -> str:
    """Put the table where the README wants it."""
    return re.sub(f"({BEGIN}).*({END})", lambda m: m[1] + table() + m[2], readme, flags=re.S)


def _row(declared: Field[Any]) -> str:
    return f"| `{key_of(declared)}` | {_default(declared)} | {declared.metadata['meaning']} |"


def _default(declared: Field[Any]) -> str:
    if declared.name in PROFILES["gluu"]:
        return "by profile"
    value = "" if declared.default is MISSING else declared.default
    if value in SHOWN:
        return SHOWN[value]
    if isinstance(value, float):
        return f"{value:g}"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    README.write_text(inserted(README.read_text()))
