"""Opening what a job writes: its state, and all targets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import ConfigurationError
from .command_sink import CommandSink
from .database import IN_MEMORY, Database
from .formats import Csv, Format, FormattedSink, Ndjson
from .ldif import Ldif
from .output import AppendedFile, Nowhere, Output, StandardOutput
from .sink import Sink
from .state import State
from .table_sink import SeparateTableSink, TableSink
from .target_options import StateOptions, TargetOptions

STANDARD_OUTPUT = "-"

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


class Targets:
    """The state and the targets of a job, opened by `with`.

    Attributes:
        state: The state.
        sinks: The targets.
    """

    def __init__(
        self,
        place: StateOptions,
        target: TargetOptions,
        *,
        is_dry: bool = False,
        others: Sequence[Sink] = (),
    ) -> None:
        """Prepare them; nothing is opened yet.

        Args:
            place: Where the state is.
            target: What else is written.
            is_dry: Whether nothing of it is to stay.
            others: More targets; they are closed at the end. With `is_dry` they are left alone.
        """
        self._others = others
        self._place = place
        self._target = target
        self._is_dry = is_dry
        self._open = ExitStack()
        self.state = state_of(place, target, is_dry=is_dry)
        self.sinks: list[Sink] = []

    def __enter__(self) -> Self:
        try:
            self._open.enter_context(closing(self.state.database.open()))
            self.state.prepare()
            for sink in self._sinks():
                self._open.callback(sink.close)
                self.sinks.append(sink)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def _sinks(self) -> Iterator[Sink]:
        """Yield the targets; the table first, for what the others get cannot be rolled back."""
        if self._place.into:
            yield self._table()
        for name in self._target.output:
            yield self._file(name)
        for command in self._target.hooks:
            sink = CommandSink(command, self._target.exec_timeout)
            if not self._is_dry:
                yield sink
        if not self._is_dry:
            yield from self._others

    def _table(self) -> Sink:
        table, removals = self._place.table, self._target.removals
        if not self._place.state:
            sink = TableSink(self.state.database, table, removals)
        else:
            database = Database(self._place.into, table, is_dry=self._is_dry)
            sink = SeparateTableSink(database, table, removals)
        sink.prepare()
        return sink

    def _file(self, name: str) -> Sink:
        written = _format(name, self._target)
        output: Output
        if self._is_dry:
            output = Nowhere()
        elif name == STANDARD_OUTPUT:
            output = StandardOutput()
        else:
            output = AppendedFile(Path(name), written.is_end)
        return FormattedSink(output, written)


def state_of(place: StateOptions, target: TargetOptions, *, is_dry: bool = False) -> State:
    """Return the state of a job; raise ConfigurationError where nothing says where it is."""
    if not _TABLE.fullmatch(place.table):
        raise ConfigurationError(
            "--table is a name of at most 40 letters, digits and underscores, such as people"
        )
    if place.state:
        url, prefix = f"sqlite:///{place.state}", "sync"
    elif place.into:
        url, prefix = place.into, f"{place.table}_sync"
    elif target.output == (STANDARD_OUTPUT,) and not target.hooks:
        url, prefix = IN_MEMORY, "sync"
    else:
        raise ConfigurationError(
            "say where the position is kept: --state FILE, or --into URL for a table of people"
        )
    return State(Database(url, prefix, is_dry=is_dry), prefix)


def _format(name: str, target: TargetOptions) -> Format:
    kind = target.output_format or Path(name).suffix.removeprefix(".").lower()
    if kind == "csv":
        return Csv(target.attributes)
    if kind == "ldif":
        return Ldif(target.ldif_base, target.attributes)
    if kind in ("ndjson", "jsonl") or name == STANDARD_OUTPUT:
        return Ndjson()
    raise ConfigurationError(
        f"--output {name}: name the file .ndjson, .csv or .ldif, or give --output-format"
    )
