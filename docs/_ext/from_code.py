"""Directives that write parts of the reference from the code, so that they cannot be stale.

{settings} CLASS     every key that a settings class declares, with its default and its meaning
{profiles}           what each profile brings
{hidden-attributes}  the secrets that are hidden by name
{log-messages}       each message that the package logs, by logger
{exit-codes}         how the command `gluu-changes` ends
{rooms}              the folders and root modules of the package, what they are for and import
"""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any, NamedTuple

from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from flask_gluu_changes.extension import SETTINGS
from flask_gluu_changes.settings.fields import keys_of
from flask_gluu_changes.sync.exit_codes import ExitCode
from flask_gluu_changes.visibility.secret_names import SCHEMAS
from tools.architecture import ROOT, Architecture

PREFIX = "GLUU_CHANGES_"
PROFILES = ("gluu", "janssen")
BASE = {
    f"{PREFIX}PROTECTION": "bypass",
    f"{PREFIX}ALLOW_BYPASS": True,
    f"{PREFIX}LDAP_URI": "ldap://127.0.0.1",
    f"{PREFIX}SQL_URL": "sqlite://",
}
"""Settings with which every settings class loads."""

LEVELS = {name.lower() for name in logging.getLevelNamesMapping()} | {"exception"}


class Generated(SphinxDirective):
    """A directive whose content is Markdown that `lines` makes."""

    def run(self) -> list[Node]:
        """Parse the Markdown where the directive stands."""
        return self.parse_text_to_nodes("\n".join(self.lines()), allow_section_headings=True)

    def lines(self) -> Iterator[str]:
        """Yield the lines of Markdown."""
        raise NotImplementedError


class SettingsDirective(Generated):
    """Documents each key of a settings class, as a `confval` that pages can refer to."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        """Yield a definition for each declared field."""
        (cls,) = (known for known in SETTINGS if known.__name__ == self.arguments[0])
        for declared in fields(cls):
            yield f"````{{confval}} {key_of(declared)}"
            yield f":default: {_default(cls, declared)}"
            yield ""
            yield _sentence(declared.metadata["meaning"])
            yield "````"
            yield ""
            yield from _file_of(declared)


class ProfilesDirective(Generated):
    """Shows the defaults that depend on the profile."""

    def lines(self) -> Iterator[str]:
        """Yield a table with a row for each key."""
        yield "| setting | " + " | ".join(f"`{profile}`" for profile in PROFILES) + " |"
        yield "|---" * (1 + len(PROFILES)) + "|"
        for cls in SETTINGS:
            for declared in filter(_is_by_profile, fields(cls)):
                values = " | ".join(_by_profile(cls, declared, profile) for profile in PROFILES)
                yield f"| {{confval}}`{key_of(declared)}` | {values} |"


class HiddenDirective(Generated):
    """Lists the attributes that are hidden by name."""

    def lines(self) -> Iterator[str]:
        """Yield a definition for each schema."""
        for schema, names in SCHEMAS.items():
            listed = ", ".join(f"`{name}`" for name in names.split())
            yield from (f"{schema[0].upper()}{schema[1:]}", f": {listed}", "")


class Message(NamedTuple):
    """A call of a logger: its level, its text, and what the code around it says it does."""

    level: str
    text: str
    context: str


class LogDirective(Generated):
    """Lists the messages that the package logs."""

    def lines(self) -> Iterator[str]:
        """Yield a section for each logger that logs something."""
        for name, file in sorted(Architecture.of(ROOT).modules.items()):
            messages = list(messages_of(ast.parse(file.read_text())))
            if messages:
                yield from ("", f"## `flask_gluu_changes.{name}`", "")
            for message in messages:
                yield from (f"`{message.text}`", f": **{message.level}.** {message.context}", "")


class ExitCodesDirective(Generated):
    """Lists the exit codes of the sync job."""

    def lines(self) -> Iterator[str]:
        """Yield a table with a row for each code."""
        yield "| code | in a report | meaning |"
        yield "|---|---|---|"
        for code in ExitCode:
            yield f"| {int(code)} | `{code.name.lower()}` | {code.meaning} |"


class RoomsDirective(Generated):
    """Lists the rooms of the package."""

    def lines(self) -> Iterator[str]:
        """Yield a definition for each room, the highest floor first."""
        architecture = Architecture.of(ROOT)
        for floor in reversed(architecture.floors):
            for room in floor:
                used = ", ".join(f"`{name}`" for name in sorted(architecture.rooms[room]))
                yield from (f"`{room}`", f": {architecture.purpose(room)}", "")
                yield f"  Imports {used}." if used else "  Imports no other room."
                yield ""


def messages_of(node: ast.AST, context: str = "") -> Iterator[Message]:
    """Find the calls `log.<level>(…)` of a module, each with the nearest sentence around it."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        sentence = (ast.get_docstring(node) or "").partition("\n\n")[0]
        context = " ".join(sentence.split()) or context
    for child in ast.iter_child_nodes(node):
        if _is_logging(child):
            text = _text_of(child.args[0])  # type: ignore[attr-defined]
            yield Message(_level_of(child), text, context)
        yield from messages_of(child, context)


def _is_logging(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("log", "logger")
    )


def _level_of(node: ast.AST) -> str:
    name = node.func.attr  # type: ignore[attr-defined]
    return "ERROR" if name == "exception" else str(name.upper())


def _text_of(node: ast.expr) -> str:
    """Return a message as it is written; a conditional one with all its texts."""
    if isinstance(node, ast.IfExp):
        return f"{_text_of(node.body)} / {_text_of(node.orelse)}"
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)


def key_of(declared: Field[Any]) -> str:
    """Return the key in an application's config for a declared setting."""
    return PREFIX + declared.name.upper()


def _file_of(declared: Field[Any]) -> Iterator[str]:
    """Document the key of the file that may hold a secret."""
    for key in keys_of(declared)[1:]:
        yield f"````{{confval}} {key}"
        yield ":default: none"
        yield ""
        yield f"File that holds {{confval}}`{key_of(declared)}`; a newline at its end is left out."
        yield "````"
        yield ""


def _sentence(meaning: str) -> str:
    """Return a meaning as a sentence; one that begins with a name in code stays as it is."""
    return f"{meaning[0].upper()}{meaning[1:]}."


def _is_by_profile(declared: Field[Any]) -> bool:
    return bool(declared.metadata.get("by_profile"))


def _default(cls: type, declared: Field[Any]) -> str:
    if _is_by_profile(declared):
        return f"{_by_profile(cls, declared, PROFILES[0])}, by profile"
    return _shown("" if declared.default is MISSING else declared.default)


def _by_profile(cls: Any, declared: Field[Any], profile: str) -> str:
    settings = cls.load({**BASE, f"{PREFIX}PROFILE": profile})
    return _shown(getattr(settings, declared.name))


def _shown(value: object) -> str:
    if value in (None, (), "", {}):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def show_examples(*event: Any) -> None:
    """Make examples in a docstring literal blocks: what is indented behind an unindented line.

    So a docstring reads well in the code, too. It runs before napoleon, whose sections have no
    blank line behind their headings.
    """
    lines: list[str] = event[-1]
    for i in range(len(lines) - 1, 1, -1):
        before, blank, line = lines[i - 2 : i + 1]
        ends = before and not before.startswith(" ") and not before.endswith("::") and not blank
        if ends and line.startswith(" "):
            lines[i:i] = ["::", ""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives; what they write changes with the code, so build with -E."""
    app.add_directive("settings", SettingsDirective)
    app.add_directive("profiles", ProfilesDirective)
    app.add_directive("hidden-attributes", HiddenDirective)
    app.add_directive("log-messages", LogDirective)
    app.add_directive("exit-codes", ExitCodesDirective)
    app.add_directive("rooms", RoomsDirective)
    app.connect("autodoc-process-docstring", show_examples, priority=400)
    return {"version": "1", "parallel_read_safe": True}
