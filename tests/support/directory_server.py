"""What slapd and OpenDJ have in common for the tests that run over both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol


class DirectoryServer(Protocol):
    """A private directory with Gluu's schema and the people's branches."""

    folder: Path
    reader_dn: str
    reader_password: str

    @property
    def uri(self) -> str:
        """Its address."""

    def load(self, source: Path | str) -> None:
        """Add LDIF before the first start."""

    def start(self) -> None:
        """Start it and return when it answers."""

    def stop(self) -> None:
        """End it in good order."""

    def restart(self) -> None:
        """Stop and start again on the same port."""

    def connect(self, dn: str | None = None, password: str | None = None) -> Any:
        """Open a bound connection, the admin's unless told otherwise."""
