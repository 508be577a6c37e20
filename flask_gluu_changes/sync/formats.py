"""How changes are written: NDJSON and CSV; LDIF has a module of its own."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, Protocol

from ..client import Change
from ..errors import ConfigurationError
from .errors import RecordRefused
from .output import Output
from .records import dumps, line_of

SEPARATOR = "|"
"""Between the values of an attribute in a cell."""


class Format(Protocol):
    """How changes are written to an output.

    Attributes:
        head: What stands before the first record.
    """

    head: bytes

    def is_end(self, line: bytes) -> bool:
        """Return whether a record is complete after a line of a file, asked in their order."""

    def encode(self, changes: Iterable[Change]) -> bytes:
        """Return changes as octets; raise RecordRefused for what cannot be written so."""


class FormattedSink:
    """Writes changes to an output."""

    def __init__(self, output: Output, written: Format) -> None:
        """Write what stands before the first record, where nothing is there yet.

        Args:
            output: Where to write.
            written: How to write.

        Raises:
            ConfigurationError: What is there already begins otherwise.
        """
        self._output = output
        self._format = written
        if written.head and not output.head:
            output.write(written.head)
        elif written.head and not written.head.startswith(output.head):
            raise ConfigurationError(
                "the file that is there has other columns or another format; name another file"
            )

    def apply(self, changes: Sequence[Change]) -> None:
        """Write changes."""
        self._output.write(self._format.encode(changes))

    def close(self) -> None:
        """Close the output."""
        self._output.close()


class Ndjson:
    """A line of JSON a change, as the operation's streams tell it."""

    head = b""

    def is_end(self, line: bytes) -> bool:
        """Return whether a line is whole."""
        return line.endswith(b"\n")

    def encode(self, changes: Iterable[Change]) -> bytes:
        """Return lines."""
        return b"".join(dumps(line_of(change)) + b"\n" for change in changes)


class Csv:
    """A row a change (RFC 4180): what happened, who it is, and a cell for each attribute."""

    COLUMNS = ("change", "id", "version", "inum")

    def __init__(self, attributes: Sequence[str]) -> None:
        if not attributes:
            raise ConfigurationError("CSV needs --attributes, which are its columns")
        self._attributes = [name for name in attributes if name != "inum"]
        self.head = _rows([[*self.COLUMNS, *self._attributes]])
        self._is_quoted = False

    def is_end(self, line: bytes) -> bool:
        """Return whether a line ends a row, and no line within a cell."""
        self._is_quoted ^= bool(line.count(b'"') % 2)
        return line.endswith(b"\r\n") and not self._is_quoted

    def encode(self, changes: Iterable[Change]) -> bytes:
        """Return rows."""
        try:
            return _rows([self._row(change) for change in changes])
        except UnicodeError as error:
            raise RecordRefused("a text is no Unicode") from error

    def _row(self, change: Change) -> list[str]:
        key = [change.kind, change.id, str(change.version), change.inum]
        return [*key, *(_cell(name, change) for name in self._attributes)]


def _rows(rows: Iterable[Sequence[str]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(name: str, change: Change) -> str:
    values = [text_of(value) for value in change.attributes.get(name, [])]
    if len(values) > 1 and any(SEPARATOR in value for value in values):
        raise RecordRefused(f"values of {name} hold {SEPARATOR}, which separates them in CSV")
    return SEPARATOR.join(values)


def text_of(value: Any) -> str:
    """Return a value as text; what is none is JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
