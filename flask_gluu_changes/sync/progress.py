"""How far a run is, on a terminal: a count while it reads, a bar while it applies."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self, TextIO

import click


class Progress:
    """Shows a run on a terminal; what is shown is gone from its line once the run has ended."""

    def __init__(self, file: TextIO) -> None:
        """Show nothing yet.

        Args:
            file: The terminal.
        """
        self._file = file
        self._read = 0
        self._bar: Any = None  # click does not export its type

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end()

    def read(self, number: int) -> None:
        """Show how many changes were read; nobody knows how many there are."""
        self._read += number
        click.echo(f"\rreading: {self._read:,}", nl=False, file=self._file)

    def applying(self, total: int) -> None:
        """Begin to show a bar."""
        self._end()
        self._read = 0
        if total:
            self._bar = click.progressbar(
                length=total, label="applying", show_pos=True, file=self._file
            )
            self._bar.render_progress()

    def applied(self, number: int) -> None:
        """Move the bar on."""
        if self._bar is not None:
            self._bar.update(number)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
        elif self._read:
            click.echo("", file=self._file)
        self._bar = None
