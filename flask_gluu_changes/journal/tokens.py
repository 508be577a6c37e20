"""Tokens: a position in the journal, for a client that can neither read nor change it.

A token is base64url without padding (RFC 4648, section 5) of a fixed head and the names of epoch
and commit, a dot, and in the same letters an HMAC-SHA256 over the text before the dot. Its head
names the key: after a rotation, whoever comes with a token of a key that is gone reads anew, while
a token that was changed is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b, sha256
from struct import Struct
from time import time_ns

from itsdangerous import BadData, Signer, base64_decode, base64_encode

from ..errors import GluuChangesError
from ..settings.journal import JournalSettings
from ..visibility import Visibility
from .protocol import Position, ResyncRequired
from .selection import Selection, digest_of_visibility

PURPOSE = b"flask-gluu-changes: tokens"
"""Makes the key another one than all that may be made from the same secret."""

MAX_LENGTH = 400
"""Characters; a token is about 140."""

CACHED_TOKENS = 256

_FORM = 2
_FORM = 3
_HEAD = Struct(">B4sBQQQ8s8s")
_KEY_ID = slice(1, 5)
_SHORTEST = 42
"""Octets of the head of the forms before this one, which named no key."""


class InvalidToken(GluuChangesError):
    """The text is no token that was made here, or one of another kind."""


class SelectionChanged(GluuChangesError):
    """The client goes on with other attributes than it began with."""


class Kind(IntEnum):
    """A position within a run, or the end of one."""

    CURSOR = 1
    DELTA = 2


@dataclass(frozen=True, slots=True)
class Token:
    """A position, and what must still hold when the client comes back.

    selection_digest, visibility_digest: digests of 8 octets, of what the client asked to see and
    of what the settings and its rights let it see. issued: microseconds since the epoch.
    is_of_first_key: whether the key that signs now has signed it.
    """

    position: Position
    selection_digest: bytes
    visibility_digest: bytes
    issued: int
    is_of_first_key: bool = field(default=True, compare=False)

    @property
    def kind(self) -> Kind:
        """The kind of request that the token is for."""
        return Kind.DELTA if self.position.is_end else Kind.CURSOR


class TokenIssuer:
    """Issues the tokens of one application, and refuses those that do not hold any more.

    clock: microseconds since the epoch.
    """

    def __init__(
        self,
        settings: JournalSettings,
        visibility: Visibility,
        clock: Callable[[], int] = lambda: time_ns() // 1000,
    ) -> None:
        self._codec = TokenCodec(settings.token_secret)
        self._retention = settings.retention
        self._visibility_digest = digest_of_visibility(visibility)
        self._clock = clock

    def issue(
        self, position: Position, selection: Selection, before: Token | None = None
    ) -> tuple[str, int]:
        """Return a token for a position, and its expiry in microseconds since the epoch.

        before: the client's token. While it is young and of the same position it is written again,
        so that a client has nothing to save where nothing changed.
        """
        if before and before.position == position and self.is_young(before):
            token = before
        else:
            token = Token(position, selection.digest, self._visibility_digest, self._clock())
        return self._codec.encode(token), token.issued + self._retention

    def verify(self, text: str, kind: Kind, selection: Selection) -> Token:
        """Read a token of a kind.

        Raises InvalidToken, SelectionChanged, or ResyncRequired where only a full run helps.
        """
        token = self._codec.decode(text, kind)
        if token.selection_digest != selection.digest:
            raise SelectionChanged("attributes and excludedAttributes must stay as they were")
        if token.visibility_digest != self._visibility_digest:
            raise ResyncRequired("clients may see other attributes now")
        if token.issued + self._retention < self._clock():
            raise ResyncRequired("the token has expired")
        return token

    def is_young(self, token: Token) -> bool:
        """Return whether a client may keep this token instead of getting a fresh one."""
        is_new = self._clock() - token.issued < self._retention // 2
        return is_new and token.is_of_first_key

    def tag(self, head: Position, after: int, selection: Selection, form: str) -> str:
        """Write the entity tag of the answer from a position at a head (RFC 9110, 8.8.3).

        form: what else makes the answer another one, such as the size of its page.
        """
        seen = f"{head.commit_id} {after} {form} ".encode()
        seen += selection.digest + self._visibility_digest
        return f"{head.epoch}.{head.until}.{blake2b(seen, digest_size=8).hexdigest()}"


class TokenCodec:
    """Writes and reads tokens. Every node that serves the same journal needs the same secrets.

    The first secret signs, and all verify. Clients ask again with the token that they have, and get
    it again where nothing changed: the last ones are cached.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        signers = [_signer(secret) for secret in secrets]
        self._signers = {_key_id(signer): signer for signer in reversed(signers)}
        self._first_key = _key_id(signers[0])
        self._encoded = lru_cache(CACHED_TOKENS)(self._encode)
        self._decoded = lru_cache(CACHED_TOKENS)(self._decode)

    def encode(self, token: Token) -> str:
        """Write a token as text for URLs."""
        return self._encoded(token)

    def decode(self, text: str, kind: Kind) -> Token:
        """Read a token of one kind.

        Raises ResyncRequired for one of an unknown key or release, InvalidToken for all else.
        """
        return self._decoded(text, kind)

    def _encode(self, token: Token) -> str:
        signer = self._signers[self._first_key]
        return signer.sign(base64_encode(_packed(token, self._first_key))).decode()

    def _decode(self, text: str, kind: Kind) -> Token:
        octets = base64_decode(self._signed(text))
        token = _unpacked(octets, is_of_first_key=octets[_KEY_ID] == self._first_key)
        if token.kind is not kind:
            raise InvalidToken("it is of the other kind")
        return token

    def _signed(self, text: str) -> bytes:
        """Return what was signed, strictly: no other text stands for the same token."""
        if len(text) > MAX_LENGTH or not text.isascii():
            raise InvalidToken("it is no token")
        try:
            signed = self._signer_of(text).unsign(text)
        except BadData as error:
            raise InvalidToken("it was not issued here") from error
        # What was signed is a text, but of the signature itself only the octets were compared:
        # decoders of base64 pass over foreign letters and the last letter's spare bits.
        signature = text[len(signed) + 1 :].encode()
        if base64_encode(base64_decode(signature)) != signature:
            raise InvalidToken("it is not written as it was issued")
        return signed

    def _signer_of(self, text: str) -> Signer:
        """Return the signer whose key a token names; nothing of it is proved yet."""
        octets = base64_decode(text.rpartition(".")[0])
        if len(octets) < _SHORTEST:
            raise InvalidToken("it is no token")
        if octets[0] != _FORM:
            raise ResyncRequired("the token is of another release")
        signer = self._signers.get(octets[_KEY_ID])
        if signer is None:
            raise ResyncRequired("the token was signed with a secret that is no longer in use")
        return signer


def _signer(secret: str) -> Signer:
    """Return a signer with the key of a secret, which by itself it would derive each time."""
    deriving = Signer(secret, PURPOSE, key_derivation="hmac", digest_method=sha256)
    return Signer(deriving.derive_key(), PURPOSE, key_derivation="none", digest_method=sha256)


def _key_id(signer: Signer) -> bytes:
    """Return what names a key without telling anything of it."""
    return base64_decode(signer.get_signature(b"key id"))[:4]


def _packed(token: Token, key_id: bytes) -> bytes:
    position = token.position
    numbers = (position.after, position.until, token.issued)
    digests = (token.selection_digest, token.visibility_digest)
    head = _HEAD.pack(_FORM, key_id, position.removals, *numbers, *digests)
    return head + f"{position.epoch} {position.commit_id}".encode()


def _unpacked(octets: bytes, *, is_of_first_key: bool) -> Token:
    """Read what was authenticated."""
    _, _, removals, after, until, issued, selection, visibility = _HEAD.unpack_from(octets)
    epoch, _, commit_id = octets[_HEAD.size :].decode().partition(" ")
    position = Position(epoch, after, until, commit_id, bool(removals))
    return Token(position, selection, visibility, issued, is_of_first_key)
