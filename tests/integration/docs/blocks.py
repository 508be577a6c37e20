"""The code blocks of README.md and the manual, and what each of them is.

The first word after the fence is the language, the second says what becomes of the block:

    python             run; the blocks of a page share their names
    python file=NAME   written to a file in the page's folder
    nginx file=NAME    served by nginx until the end of the page
    console            run, command by command; lines without `$ ` are what must be printed
    console background started; stopped at the end of the page, or when the same is started again
    ini                settings, loaded as an application does; or a systemd unit, parsed
    … setup            changes the machine or another product, so what it names is checked alone
    … output           an example of what something prints
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sybil import Document
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

ROOT = Path(__file__).parents[3]
LEXER = RawFencedCodeBlockLexer(re.compile(r"(?P<info>[^\n]*)\n"))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        place: File and line, for messages.
        language: The first word behind the fence; a directive is written `{name}`.
        role: The other words.
        text: What the block holds.
    """

    place: str
    language: str
    role: str
    text: str

    @property
    def kind(self) -> str:
        """Say by which rule the block is treated."""
        if self.language.startswith("{"):
            return "directive"
        if self.role in ("output", "setup"):
            return self.role
        if self.language in ("python", "nginx") and re.fullmatch(r"file=[\w.]+", self.role):
            return "file" if self.language == "python" else "nginx"
        return f"{self.language} {self.role}".strip()


def pages() -> list[Path]:
    """Return README.md and each page of the manual."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in their order."""
    text = page.read_text()
    for region in LEXER(Document(text, str(page))):
        language, _, role = region.lexemes["info"].strip().partition(" ")
        line = text.count("\n", 0, region.start) + 1
        yield Block(f"{name_of(page)}:{line}", language, role.strip(), region.lexemes["source"])


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block with what it must print; `> ` goes on a command."""
    command, printed = "", ""
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, printed
            command, printed = line[2:], ""
        elif line.startswith(">") and not printed:
            command += "\n" + line[1:].removeprefix(" ")
        else:
            printed += line + "\n"
    if command:
        yield command, printed
