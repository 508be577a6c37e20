"""What an ingester hands to the journal: an identity, already typed, hidden and serialized."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from json.encoder import encode_basestring_ascii
from typing import NamedTuple

from ..encoder import EntryEncoder, sort_key
from ..model import WHOLE_SECOND_ATTRIBUTES, ChangesQuery, Entry
from ..values import AttributeType, to_string, untyped
from ..visibility import Visibility
from .limits import SizeLimits, largest_first
from .selection import Cutter
from .tables import MOST_ID_OCTETS, to_octets

EVERYTHING_SINCE = datetime(1, 1, 1, tzinfo=UTC)
SHORT_ID = MOST_ID_OCTETS // 4
"""Characters that are within the limit, whatever they are."""

_NO_TIME = 0
_REST_OF_SECOND = 999_999


class IdTooLong(ValueError):
    """An id that databases cannot index."""


class Identity(NamedTuple):
    """A person as the journal keeps it; times are microseconds since the epoch, 0 for none.

    id: entryUUID where the source has one, else inum; it never changes. inum, uid: empty where
    clients may not see them. body: the JSON object of all attributes that clients may see. omitted:
    attributes of which something is not in the body, because it is beyond the limits.
    """

    id: str
    inum: str
    uid: str
    changed_at: int
    counts_until: int
    sort_key: bytes
    body: bytes
    omitted: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show no value of the person."""
        return f"Identity(id={self.id!r})"

    def digest_in(self, epoch: str) -> bytes:
        """Return a digest that is another one for other content, and in another epoch."""
        content = b"%d %b%b" % (self.counts_until, _names(self.omitted), self.body)
        return blake2b(content, digest_size=16, key=epoch.encode()).digest()


class IdentityEncoder:
    """Turns entries into identities; secrets are hidden here and never reach the journal."""

    def __init__(
        self,
        time_attributes: tuple[str, ...],
        type_of: Callable[[str], AttributeType | None],
        visibility: Visibility,
        limits: SizeLimits = SizeLimits(),  # noqa: B008 -- it cannot change
        *,
        octets: bool = False,
    ) -> None:
        query = ChangesQuery(EVERYTHING_SINCE, time_attributes)
        self._whole_second_attributes = [
            name for name in time_attributes if name.lower() in WHOLE_SECOND_ATTRIBUTES
        ]
        self._encoder = EntryEncoder(query, type_of, visibility, octets=octets)
        self._shows = visibility.shows
        self._cutter = Cutter(visibility.shows)
        self._limits = self._set_limits = limits

    @cached_property
    def _shown_names(self) -> tuple[bool, bool]:
        """Whether inum and uid are shown; asked late, because the store's schema may decide."""
        return self._shows("inum"), self._shows("uid")

    def limit_entries(self, octets: int | None) -> None:
        """Take a database's own limit into account, if it has one."""
        entry = self._set_limits.entry
        entry = entry if octets is None else min(entry, octets)
        self._limits = self._set_limits._replace(entry=entry)

    def hide(self, line: bytes, inum: str, uid: str) -> tuple[bytes, str, str]:
        """Return what is shown of somebody who was written under other settings."""
        shows_inum, shows_uid = self._shown_names
        return self._cutter.cut(line), inum if shows_inum else "", uid if shows_uid else ""

    def encode(self, id_: str, entry: Entry) -> Identity:
        """Encode the entry of the identity `id_`.

        Raises ValueError, without any value in its text, for what no database takes.
        """
        if len(id_) > SHORT_ID and len(to_octets(id_)) > MOST_ID_OCTETS:
            raise IdTooLong(f"its id has more than {MOST_ID_OCTETS} octets")
        if not id_.isascii():
            id_.encode()  # fails for a lone surrogate, which JSON has not
        body, times = self._encoder.read(entry)
        omitted: tuple[str, ...] = ()
        if not self._limits.are_kept(len(body)):
            entry, body, omitted = self._within_limits(entry, body)
        shows_inum, shows_uid = self._shown_names
        inum = _least_text(entry, "inum") if shows_inum else ""
        uid = _least_text(entry, "uid") if shows_uid else ""
        changed_at, until = _latest(times, self._whole_second_attributes)
        return Identity(id_, inum, uid, changed_at, until, sort_key(entry), body, omitted)

    def _within_limits(self, entry: Entry, body: bytes) -> tuple[Entry, bytes, tuple[str, ...]]:
        """Leave out the values that are too large, then the largest attributes, until it fits."""
        kept = self._limits.without_large_values(entry)
        omitted = {n for n in entry if self._shows(n) and len(kept.get(n, ())) != len(entry[n])}
        for name in (None, *largest_first(kept, self._shows)):
            if name is not None:
                omitted.add(name)
                kept = {n: values for n, values in kept.items() if n != name}
            body, _ = self._encoder.read(kept)
            if len(body) <= self._limits.entry:
                break
        return kept, body, tuple(sorted(omitted))


# The journal keeps the whole object and not its body alone, although the timeStamp form then has
# to take the `@` keys off again: reading a page takes a quarter more time where each of its objects
# is put together from two columns.


def line_of(identity: Identity, version: int, *, created: bool) -> bytes:
    """Write the JSON object that clients of the token protocol get, its `@` keys first."""
    kind = b"created" if created else b"updated"
    about = _json(identity.id) + _names(identity.omitted)
    head = b'{"@changeType":"%b","@id":%b,"@version":%d' % (kind, about, version)
    return head + (b"," if len(identity.body) > 2 else b"") + identity.body[1:]


def body_of(line: bytes) -> bytes:
    """Return the object without its `@` keys, as the timeStamp form shows it."""
    comma = line.find(b",", line.index(b'"@version":') + len(b'"@version":'))
    return b"{" + line[comma + 1 :] if comma > 0 else b"{}"


def with_version(line: bytes, version: int) -> bytes:
    """Return the object of an identity with another version and the same content."""
    before, key, rest = line.partition(b'"@version":')
    return b"%b%b%d%b" % (before, key, version, rest.lstrip(b"0123456789"))


def removal_of(id_: str, inum: str, uid: str, reason: str, version: int) -> bytes:
    """Write the JSON object of a removed identity, with the names that it had for clients."""
    names = {name: value for name, value in (("inum", inum), ("uid", uid)) if value}
    told = {"@id": id_, "@version": version, **names, "reason": reason}
    return json.dumps(told, separators=(",", ":")).encode()


def _latest(times: dict[str, int], whole_second_attributes: list[str]) -> tuple[int, int]:
    """Return the latest of an entry's times, and the highest time that finds one of them."""
    changed_at = max(times.values(), default=_NO_TIME)
    whole = [times[name] + _REST_OF_SECOND for name in whole_second_attributes if name in times]
    return changed_at, max(changed_at, *whole) if whole else changed_at


def _least_text(entry: Entry, attribute: str) -> str:
    values = entry.get(attribute, ())
    if len(values) == 1:
        return untyped(values[0])
    return min(map(untyped, values), default="")


def _names(omitted: tuple[str, ...]) -> bytes:
    """Write the key of a line that names what is not in it, if anything is."""
    return b',"@omitted":%b' % json.dumps([*map(to_string, omitted)]).encode() if omitted else b""


def _json(text: str) -> bytes:
    return encode_basestring_ascii(text).encode()
