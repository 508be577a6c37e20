"""Changes as octets: how they wait in files, and by what two of the same content are told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ..client import Change
from .errors import SyncError

LONGEST_ID = 255
"""Characters of an id that every database keeps as a key."""

REMOVED = "removed"
DIGEST_OCTETS = 16

_LARGEST_VERSION = 2**63 - 1
_EXACT = b"e"
_LARGE = b"l"
"""How a body has to be read: orjson makes floats of numbers beyond 64 bits."""


def dumps(value: object) -> bytes:
    """Return JSON with its keys in order; also of numbers and characters that orjson refuses."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def check(change: Change) -> None:
    """Raise SyncError for an id or a version that no state can keep."""
    text = change.id
    if not 0 < len(text) <= LONGEST_ID or not text.isprintable() or text.strip() != text:
        raise SyncError(
            f"the server tells an id that cannot be kept: it has {len(text)} characters, and more"
            f" than {LONGEST_ID}, or unprintable ones, or blanks around it"
        )
    if not 0 <= change.version <= _LARGEST_VERSION:
        raise SyncError("the server tells a version that cannot be kept: it is no 64-bit number")


def head_of(change: Change) -> bytes:
    """Return what is not the content of a change, on one line."""
    return orjson.dumps([change.id, change.version, change.kind, change.reason])


def body_of(change: Change) -> bytes:
    """Return the content of a change on one line, the same for the same content."""
    content = [change.inum, change.omitted, change.attributes]
    try:
        return _EXACT + orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _LARGE + dumps(content)


def digest_of(body: bytes) -> bytes:
    """Return a digest of a content."""
    return hashlib.blake2b(body, digest_size=DIGEST_OCTETS).digest()


def change_of(head: bytes, body: bytes) -> Change:
    """Return the change of a head and a body."""
    id_, version, kind, reason = orjson.loads(head)
    loads = orjson.loads if body[:1] == _EXACT else json.loads
    inum, omitted, attributes = loads(body[1:])
    return Change(id_, version, kind, inum, attributes, reason, tuple(omitted))


def line_of(change: Change) -> Mapping[str, Any]:
    """Return a change as the lines of the operation's streams tell it."""
    keys = {"@id": change.id, "@version": change.version, "@changeType": change.kind}
    if change.kind == REMOVED:
        return {**keys, "inum": change.inum, "reason": change.reason}
    omitted: Sequence[str] = change.omitted
    return {**keys, **({"@omitted": omitted} if omitted else {}), **change.attributes}
