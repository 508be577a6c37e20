"""What a host lets clients see of a journal, under whatever settings that was filled."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..errors import BackendUnavailable
from ..settings.base import differing_keys
from ..visibility import Visibility
from .protocol import Position, SequenceBackend, Slice
from .selection import Cutter

OTHER_SETTINGS = "The journal is being filled under other settings. Try again later."

_OF_REMOVALS = {"reason"}
_AS = " as "


def source_under(source: str, settings_digest: str) -> str:
    """Return what a journal notes of its source and of the settings that it is filled under."""
    return f"{source}{_AS}{settings_digest}"


def settings_digest_in(source: str) -> str:
    """Return the settings of what `source_under` wrote; empty for anything else."""
    return source.rpartition(_AS)[2] if _AS in source else ""


def is_written_as(written: str, wanted: str) -> bool:
    """Return whether objects were written under a host's settings; False where it is not known.

    written, wanted: as `Settings.digest`. Raises BackendUnavailable where both are known and
    differ.
    """
    if not written or not wanted:
        return False
    if written == wanted:
        return True
    names = ", ".join(differing_keys(written, wanted)) or "those of another version"
    raise BackendUnavailable(
        f"the journal was filled under other settings than this application has: {names}; give"
        " this application and `flask gluu-changes follow` the same ones, and restart both",
        public=OTHER_SETTINGS,
    )


def filled_otherwise(known: str, wanted: str) -> str:
    """Say in what a journal's source differs from another one: settings, or what is followed."""
    keys = differing_keys(settings_digest_in(known), settings_digest_in(wanted))
    return f"under other settings: {', '.join(keys)}" if keys else "from another source"


def are_other_identities(before: str, source: str) -> bool:
    """Return whether two sources, by their first words, have identities of different kinds."""
    return before.partition(" ")[0] != source.partition(" ")[0]


class HostView:
    """Reads slices for one host, with nothing in them that its settings deny.

    settings_digest: `Settings.digest` of the host.
    """

    def __init__(
        self, backend: SequenceBackend, settings_digest: str, visibility: Visibility
    ) -> None:
        self._backend = backend
        self._settings_digest = settings_digest
        self._is_written_so = True  # as far as is known; what must be cut is of no use joined
        self._entries = Cutter(visibility.shows)
        self._removals = Cutter(lambda name: name in _OF_REMOVALS or visibility.shows(name))

    def read_slice(self, position: Position | None, size: int, separator: bytes = b"") -> Slice:
        """Read the next rows of a run; raise what the backend raises.

        separator: what stands between two entries where they may come joined; empty: they may not.

        Raises BackendUnavailable while the journal is filled under other settings.
        """
        may_join = bool(separator) and self._is_written_so
        read = partial(self._backend.read_slice, position, size)
        joined = partial(self._backend.read_joined, position, size, separator)
        slice_ = joined() if may_join else read()
        self._is_written_so = is_written_as(slice_.settings_digest, self._settings_digest)
        if self._is_written_so:
            return slice_
        slice_ = read() if may_join else slice_
        return replace(
            slice_,
            entries=[*map(self._entries.cut, slice_.entries)],
            removed=[*map(self._removals.cut, slice_.removed)],
        )
