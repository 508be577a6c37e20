"""The entries that a journal's database does not take, set aside so that the others go on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from .records import Identity
from .tables import QUARANTINE, now, to_octets

log = logging.getLogger(__name__)

PACKET_RESERVE = 2**16
"""Octets of a statement besides the entry itself."""

LONGEST_NAME = 100
"""Of an id in the log."""

_PACKET = "SELECT @@max_allowed_packet"


@dataclass(frozen=True, slots=True)
class Unwritable:
    """Stands for an entry that cannot be written; the reason holds no value."""

    reason: str


class Quarantine:
    """The ids that are set aside, as far as the holder of the lease knows them."""

    def __init__(self) -> None:
        self._ids: set[str] | None = None
        self._packet = 0

    def reset(self) -> None:
        """Forget what is known: another process may have written since."""
        self._ids = None

    def ids(self, connection: Connection) -> set[str]:
        """Return the ids that are set aside."""
        if self._ids is None:
            self._ids = set(connection.scalars(select(QUARANTINE.c.id)))
            self._packet = _largest_packet(connection)
        return self._ids

    def largest_entry(self, connection: Connection) -> int | None:
        """Return how many octets of JSON an entry may have; None where there is no limit."""
        self.ids(connection)
        return max(0, self._packet // 2 - PACKET_RESERVE) if self._packet else None

    def sift(self, connection: Connection, changes: dict[str, Any]) -> None:
        """Replace what is known to be too large for the server, which would hang up on it."""
        self.ids(connection)
        if not self._packet:
            return
        for id_, change in changes.items():
            if isinstance(change, Identity) and self._packet < _size(change):
                changes[id_] = Unwritable("it is larger than the server's max_allowed_packet")

    def write(self, connection: Connection, changes: Mapping[str, Any]) -> set[str]:
        """Set aside what is unwritable, and take back all else; return the ids after it."""
        before = self.ids(connection)
        unwritable = {i: c for i, c in changes.items() if isinstance(c, Unwritable)}
        mended = before & changes.keys() - unwritable.keys()
        if mended:
            connection.execute(delete(QUARANTINE).where(QUARANTINE.c.key.in_([*map(_key, mended)])))
        if new := [_row(i, c.reason) for i, c in unwritable.items() if i not in before]:
            connection.execute(insert(QUARANTINE), new)
        return before - mended | unwritable.keys()

    def note(self, ids: set[str], changes: Mapping[str, Any]) -> None:
        """Take in what was committed, and log what is new."""
        before, self._ids = self._ids or set(), ids
        for id_ in ids - before:
            reason = changes[id_].reason
            log.error(
                "the entry %s cannot be written and is left out until it changes: %s",
                ascii(id_[:LONGEST_NAME]),
                reason,
            )
        for id_ in before - ids:
            log.info("the entry %s is no longer left out", ascii(id_[:LONGEST_NAME]))


def count_quarantined(connection: Connection) -> int:
    """Return how many entries could not be written."""
    return connection.scalar(select(func.count()).select_from(QUARANTINE)) or 0


def forget_quarantined(connection: Connection) -> None:
    """Forget all entries that are set aside."""
    connection.execute(delete(QUARANTINE))


def _key(id_: str) -> str:
    return blake2b(to_octets(id_), digest_size=16).hexdigest()


def _row(id_: str, reason: str) -> dict[str, object]:
    return {"key": _key(id_), "id": id_, "at": now(), "reason": reason}


def _largest_packet(connection: Connection) -> int:
    """Return the size of the largest statement that the server takes; 0 for no limit."""
    if connection.dialect.name not in {"mysql", "mariadb"}:
        return 0
    return int(connection.exec_driver_sql(_PACKET).scalar_one())


def _size(identity: Identity) -> int:
    """Return the most octets of a statement with an identity, whose octets may be sent as hex."""
    texts = (to_octets(text) for text in (identity.id, identity.uid, identity.inum))
    return PACKET_RESERVE + 2 * sum(map(len, (identity.body, identity.sort_key, *texts)))
