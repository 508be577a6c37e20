"""Tokens: a place in the journal, handed to a client that can neither read nor change it.

Base64url without padding (RFC 4648, section 5) of a fixed head, the names of epoch and mark, and
an HMAC-SHA256 over both.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from struct import Struct

from ..errors import GluuChangesError
from .places import Place

PURPOSE = b"flask-gluu-changes: tokens"
"""Makes the key another one than all that may be made from the same secret."""

LONGEST = 400
"""Characters; a token is about 170."""

REMEMBERED = 256

_FORM = 1
_HEAD = Struct(">BBBQQQ8s8s")
_MAC_BYTES = sha256().digest_size


class Kind(IntEnum):
    """A place within a run, or the end of one."""

    CURSOR = 1
    DELTA = 2


class InvalidToken(GluuChangesError):
    """The text is no token that was made with this secret, or one of another kind."""


@dataclass(frozen=True, slots=True)
class Token:
    """A place, and what must still hold when the client comes back.

    view, shown: digests of 8 octets, of what the client asked to see and of what the settings and
    its rights let it see. issued: microseconds since the epoch.
    """

    place: Place
    view: bytes
    shown: bytes
    issued: int

    @property
    def kind(self) -> Kind:
        """Say what it is good for."""
        return Kind.DELTA if self.place.is_end else Kind.CURSOR


class TokenCodec:
    """Writes and reads tokens. Every node that serves the same journal needs the same secret.

    Clients ask again with the token that they have, and get it again where nothing changed: the
    last ones are remembered.
    """

    def __init__(self, secret: str | bytes) -> None:
        octets = secret.encode() if isinstance(secret, str) else secret
        self._key = hmac.digest(octets, PURPOSE, "sha256")
        self._encoded = lru_cache(REMEMBERED)(self._encode)
        self._decoded = lru_cache(REMEMBERED)(self._decode)

    def encode(self, token: Token) -> str:
        """Write a token as text for URLs."""
        return self._encoded(token)

    def decode(self, text: str, kind: Kind) -> Token:
        """Read a token of one kind; InvalidToken for everything else."""
        return self._decoded(text, kind)

    def _encode(self, token: Token) -> str:
        body = _packed(token)
        octets = body + self._mac(body)
        return urlsafe_b64encode(octets).rstrip(b"=").decode()

    def _decode(self, text: str, kind: Kind) -> Token:
        octets = _octets(text)
        body, mac = octets[:-_MAC_BYTES], octets[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise InvalidToken("it was not issued here")
        token = _unpacked(body)
        if token.kind is not kind:
            raise InvalidToken("it is of the other kind")
        return token

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")


def _packed(token: Token) -> bytes:
    place = token.place
    numbers = (place.after, place.until, token.issued)
    head = _HEAD.pack(_FORM, token.kind, place.removals, *numbers, token.view, token.shown)
    return head + f"{place.epoch} {place.mark}".encode()


def _unpacked(body: bytes) -> Token:
    """Read what was authenticated; another form is one of another release."""
    if len(body) < _HEAD.size or body[0] != _FORM:
        raise InvalidToken("it is of another release")
    _, _, removals, after, until, issued, view, shown = _HEAD.unpack_from(body)
    epoch, _, mark = body[_HEAD.size :].decode().partition(" ")
    place = Place(epoch, after, until, mark, bool(removals))
    return Token(place, view, shown, issued)


def _octets(text: str) -> bytes:
    """Decode strictly, so that no other text stands for the same token."""
    if len(text) > LONGEST or not text.isascii():
        raise InvalidToken("it is no token")
    try:
        octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("it is no base64url") from error
    if urlsafe_b64encode(octets).rstrip(b"=").decode() != text:
        raise InvalidToken("it is not written as it was issued")
    return octets
