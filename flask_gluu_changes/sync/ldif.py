"""Changes as LDIF change records (RFC 2849), for `ldapmodify`."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence

from ..client import Change
from ..errors import ConfigurationError
from .errors import RecordRefused
from .formats import text_of
from .records import REMOVED

WIDTH = 76
"""Octets of a line; longer ones go on in the next one."""

_SAFE = re.compile(rb"(?![ :<])[\x01-\x09\x0b\x0c\x0e-\x7f]*(?<! )")
"""What need not be base64."""

_ESCAPED = re.compile(r'[,+"\\<>;=]|^[ #]| $')
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?:;[A-Za-z0-9-]+)*")


class Ldif:
    """Records that add, modify and delete entries whose RDN is the inum."""

    head = b"version: 1\n\n"

    def __init__(self, base: str, attributes: Sequence[str]) -> None:
        if not base:
            raise ConfigurationError("LDIF needs --ldif-base, the entry under which people are")
        if not attributes:
            raise ConfigurationError(
                "LDIF needs --attributes, because it names those that lost their values, too"
            )
        if wrong := [name for name in attributes if not _NAME.fullmatch(name)]:
            raise ConfigurationError(f"--attributes: {wrong[0]!r} is no name of LDAP")
        self._base = base
        self._attributes = [name for name in attributes if name != "inum"]

    def is_end(self, line: bytes) -> bool:
        """Return whether a line is the empty one behind a record."""
        return line == b"\n"

    def encode(self, changes: Iterable[Change]) -> bytes:
        """Return records."""
        try:
            return b"".join(b"".join(self._record(change)) + b"\n" for change in changes)
        except UnicodeError as error:
            raise RecordRefused("a text is no Unicode") from error

    def _record(self, change: Change) -> Iterator[bytes]:
        if not change.inum:
            raise RecordRefused("it has no inum, by which LDIF names entries")
        yield _line("dn", f"inum={_escaped(change.inum)},{self._base}")
        if change.kind == REMOVED:
            yield _line("changetype", "delete")
        elif change.kind == "created":
            yield from self._added(change)
        else:
            yield from self._modified(change)

    def _added(self, change: Change) -> Iterator[bytes]:
        yield _line("changetype", "add")
        yield _line("inum", change.inum)
        for name in self._attributes:
            yield from _values(name, change)

    def _modified(self, change: Change) -> Iterator[bytes]:
        yield _line("changetype", "modify")
        for name in self._attributes:
            yield _line("replace", name)
            yield from _values(name, change)
            yield b"-\n"


def _values(name: str, change: Change) -> Iterator[bytes]:
    for value in change.attributes.get(name, []):
        yield _line(name, _text(value))


def _text(value: object) -> str:
    if isinstance(value, bool):  # RFC 4517, 3.3.3
        return "TRUE" if value else "FALSE"
    return text_of(value)


def _line(name: str, text: str) -> bytes:
    octets = text.encode()
    if _SAFE.fullmatch(octets):
        return _folded(f"{name}: ".encode() + octets)
    return _folded(f"{name}:: ".encode() + base64.b64encode(octets))


def _folded(line: bytes) -> bytes:
    parts = [line[:WIDTH]]
    parts += [line[i : i + WIDTH - 1] for i in range(WIDTH, len(line), WIDTH - 1)]
    return b"\n ".join(parts) + b"\n"


def _escaped(text: str) -> str:
    """Return the value of an RDN (RFC 4514, section 2.4)."""
    return _ESCAPED.sub(lambda found: f"\\{found[0]}", text).replace("\0", r"\00")
