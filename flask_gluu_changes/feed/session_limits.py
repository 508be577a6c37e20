"""Which paging sessions go for the sake of a new one, and when there is no room for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import BackendUnavailable
from .session_table import SessionRow, SnapshotRow
from .snapshot import NO_ROOM


class SessionLimits:
    """How many sessions a caller has, and what their snapshots take.

    Nobody's session makes room for another caller's, unless its client has been given everything.

    limit: sessions of a caller. in_all: octets of all snapshots; one caller's take half of that.
    What is larger is kept alone.
    """

    def __init__(self, limit: int, in_all: int) -> None:
        self._limit = limit
        self._in_all = in_all

    def make_room(
        self, new: SnapshotRow, caller: str, sessions: Sequence[SessionRow], sizes: dict[str, int]
    ) -> list[SessionRow]:
        """Return the sessions that are dropped for a caller's new one.

        sessions: those first that are done with, then those that are idle for longest. sizes: the
        octets of all snapshots, by name.

        Raises BackendUnavailable where there is no room.
        """

        def taken(kept: Iterable[SessionRow]) -> int:
            return new.octets + sum(sizes[name] for name in {one.snapshot for one in kept})

        kept = [*sessions]
        for session in sessions:
            own = [one for one in kept if one.caller == caller]
            is_over = len(own) >= self._limit or taken(own) > self._in_all // 2
            is_own = session.caller == caller
            if (is_own and is_over) or ((is_own or session.ended) and taken(kept) > self._in_all):
                kept.remove(session)
        if kept and taken(kept) > self._in_all:
            text = "there is no room for another snapshot in GLUU_CHANGES_MAX_PAGING_OCTETS"
            raise BackendUnavailable(text, public=NO_ROOM)
        return [one for one in sessions if one not in kept]
