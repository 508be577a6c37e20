"""Finds secrets and people in what the suites write: bodies, log records, tracebacks and files.

One detector watches a whole process of pytest. It costs a search of what is written anyway.
"""

from __future__ import annotations

import logging
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from .markers import PERSONAL, SECRET

OURS = ("flask_gluu_changes", "example_app", "sqlalchemy")
"""Whose log records must not hold anybody; those of Flask itself, too."""

OVERLAP = 64
"""Octets of a part of a body that are searched again with the next part."""

LARGEST = 64 * 2**20
SQLITE = b"SQLite format 3\0"
JOURNAL = b"gluu_changes_state"


class LeakDetector(logging.Handler):
    """Remembers what was found until it is asked; the found text itself is not repeated."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def take(self) -> list[str]:
        """Return what was found since the last call."""
        found, self.found = self.found, []
        return found

    def search(self, where: str, octets: bytes, pattern: re.Pattern[bytes] = SECRET) -> None:
        """Look for what must not be somewhere."""
        match = pattern.search(octets)
        if match:
            self.found.append(f"{where} holds {match[0]!r}")

    def emit(self, record: logging.LogRecord) -> None:
        """Search a record with its traceback."""
        if record.name.startswith(OURS) or "flask" in Path(record.pathname).parts:
            text = f"{self.format(record)} {record.args!r}"
            self.search(f"the log of {record.name}", text.encode(errors="replace"), PERSONAL)

    def watch(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Search a body, part by part."""
        before = b""
        try:
            for part in parts:
                self.search("a body", before + part)
                before = part[-OVERLAP:]
                yield part
        finally:
            getattr(parts, "close", lambda: None)()

    def search_files(self, folder: Path) -> None:
        """Search the journals and the logs below a folder, and the modes of the former."""
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink() and file.stat().st_size <= LARGEST:
                self._search_file(file)

    def _search_file(self, file: Path) -> None:
        if file.suffix == ".log":
            self.search(f"{file}", file.read_bytes(), PERSONAL)
        elif _starts_with(file, SQLITE) and JOURNAL in file.read_bytes():
            for part in file.parent.glob(f"{file.name}*"):
                self.search(f"{part}", part.read_bytes())
                if part.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    self.found.append(f"{part} is not for its owner alone")

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Watch all applications that have the extension, and all logging, at every level."""
        called, unheard = Flask.__call__, {n: getattr(logging.Logger, n) for n in ("info", "debug")}
        Flask.__call__ = self._calling(called)  # type: ignore[method-assign]
        for name, method in unheard.items():
            setattr(logging.Logger, name, self._logging(method))
        logging.getLogger().addHandler(self)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(self)
            Flask.__call__ = called  # type: ignore[method-assign]
            for name, method in unheard.items():
                setattr(logging.Logger, name, method)

    def _calling(self, called: Callable[..., Any]) -> Callable[..., Any]:
        def call(app: Flask, environ: Any, start_response: Any) -> Any:
            parts = called(app, environ, start_response)
            return self.watch(parts) if "gluu_changes" in app.extensions else parts

        return call

    def _logging(self, method: Callable[..., None]) -> Callable[..., None]:
        """Search records that nobody asked for: an operator may."""

        def log(logger: logging.Logger, message: object, *args: object, **options: Any) -> None:
            if logger.name.startswith(OURS):
                text = f"{message} {args!r}".encode(errors="replace")
                self.search(f"the log of {logger.name}", text, PERSONAL)
            method(logger, message, *args, **options)

        return log


def _starts_with(file: Path, octets: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(octets)) == octets
