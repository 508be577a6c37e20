"""What an ingester hands to the journal: an identity, already typed, hidden and serialized."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

from ..encoder import EntryEncoder, sort_key
from ..model import WHOLE_SECOND_ATTRIBUTES, ChangesQuery, Entry, Visibility
from ..values import AttributeType, untyped

EVERYTHING_SINCE = datetime(1, 1, 1, tzinfo=UTC)
_NO_TIME = 0
_REST_OF_SECOND = 999_999


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as the journal keeps it; times are microseconds since the epoch, 0 for none.

    id: entryUUID where the source has one, else inum; it never changes. body: the JSON object of
    all attributes that clients may see.
    """

    id: str
    inum: str
    uid: str
    changed_at: int
    counts_until: int
    sort_key: bytes
    body: bytes

    @property
    def digest(self) -> bytes:
        """A digest that distinguishes this content from another one of the same identity."""
        return blake2b(b"%d %b" % (self.counts_until, self.body), digest_size=16).digest()


class IdentityEncoder:
    """Turns entries into identities; secrets are hidden here and never reach the journal."""

    def __init__(
        self,
        time_attributes: tuple[str, ...],
        type_of: Callable[[str], AttributeType | None],
        visibility: Visibility,
    ) -> None:
        query = ChangesQuery(EVERYTHING_SINCE, time_attributes)
        self._encoder = EntryEncoder(query, type_of, visibility)

    def encode(self, id_: str, entry: Entry) -> Identity:
        """Encode the entry of the identity `id_`."""
        body, times = self._encoder.read(entry)
        return Identity(
            id=id_,
            inum=_least_text(entry, "inum"),
            uid=_least_text(entry, "uid"),
            changed_at=max(times.values(), default=_NO_TIME),
            counts_until=max((_counts_until(*time) for time in times.items()), default=_NO_TIME),
            sort_key=sort_key(entry),
            body=body,
        )


# The journal keeps the whole object and not its body alone, although the timeStamp form then has
# to take the `@` keys off again: reading a page takes a quarter more time where each of its objects
# is put together from two columns.


def line_of(identity: Identity, version: int, *, created: bool) -> bytes:
    """Write the JSON object that clients of the token protocol get, its `@` keys first."""
    kind = b"created" if created else b"updated"
    head = b'{"@changeType":"%b","@id":%b,"@version":%d' % (kind, _json(identity.id), version)
    return head + (b"," if len(identity.body) > 2 else b"") + identity.body[1:]


def body_of(line: bytes) -> bytes:
    """Return the object without its `@` keys, as the timeStamp form shows it."""
    end = line.index(b'"@version":') + len(b'"@version":')
    while line[end : end + 1].isdigit():
        end += 1
    return b"{" + line[end:].removeprefix(b",")


def removal_of(id_: str, inum: str, uid: str, reason: str, version: int) -> bytes:
    """Write the JSON object of a removed identity."""
    return json.dumps(
        {"@id": id_, "@version": version, "inum": inum, "uid": uid, "reason": reason},
        separators=(",", ":"),
    ).encode()


def _counts_until(attribute: str, micros: int) -> int:
    """Return the highest time that finds a time attribute's value."""
    is_whole_second = attribute.lower() in WHOLE_SECOND_ATTRIBUTES
    return micros + _REST_OF_SECOND if is_whole_second else micros


def _least_text(entry: Entry, attribute: str) -> str:
    values = entry.get(attribute, ())
    return min(map(untyped, values)) if values else ""


def _json(text: str) -> bytes:
    return json.dumps(text).encode()
