"""Which paging sessions go for the sake of a new one, and when there is no room for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

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
        kept = _Kept(sizes, sessions)
        own = _Kept(sizes, [one for one in sessions if one.caller == caller])
        dropped = []
        for session in sessions:
            is_own = session.caller == caller
            is_over = own.count >= self._limit or own.octets + new.octets > self._in_all // 2
            is_full = kept.octets + new.octets > self._in_all
            if (is_own and is_over) or ((is_own or session.ended) and is_full):
                kept.drop(session)
                if is_own:
                    own.drop(session)
                dropped.append(session)
        if kept.count and kept.octets + new.octets > self._in_all:
            text = "there is no room for another snapshot in GLUU_CHANGES_MAX_PAGING_OCTETS"
            raise BackendUnavailable(text, public=NO_ROOM)
        return dropped


class _Kept:
    """Counts sessions, and the octets of their snapshots, of which several may share one."""

    def __init__(self, sizes: Mapping[str, int], sessions: Sequence[SessionRow]) -> None:
        self._sizes = sizes
        self._users = Counter(session.snapshot for session in sessions)
        self.count = len(sessions)
        self.octets = sum(sizes[name] for name in self._users)

    def drop(self, session: SessionRow) -> None:
        self.count -= 1
        self._users[session.snapshot] -= 1
        if not self._users[session.snapshot]:
            self.octets -= self._sizes[session.snapshot]
