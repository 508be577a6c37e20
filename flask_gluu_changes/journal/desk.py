"""Where tokens are issued and taken back."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from time import time_ns

from ..errors import GluuChangesError
from ..journal_settings import JournalSettings
from ..visibility import Visibility
from .places import Gone, Place
from .selection import Selection, digest_of_visibility
from .tokens import Kind, Token, TokenCodec


class ViewChanged(GluuChangesError):
    """The client goes on with other attributes than it began with."""


class TokenDesk:
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
        self._shown = digest_of_visibility(visibility)
        self._clock = clock

    def issue(
        self, place: Place, selection: Selection, before: Token | None = None
    ) -> tuple[str, int]:
        """Write a token for a place; give it with its expiry, microseconds since the epoch.

        before: the client's token. While it is young and of the same place it is written again, so
        that a client has nothing to save where nothing changed.
        """
        stays = before is not None and before.place == place and self.is_young(before)
        issued = before.issued if before and stays else self._clock()
        text = self._codec.encode(Token(place, selection.digest, self._shown, issued))
        return text, issued + self._retention

    def take(self, text: str, kind: Kind, selection: Selection) -> Token:
        """Read a token. Raises InvalidToken, ViewChanged, or Gone where only a full run helps."""
        token = self._codec.decode(text, kind)
        if token.view != selection.digest:
            raise ViewChanged("attributes and excludedAttributes must stay as they were")
        if token.shown != self._shown:
            raise Gone("clients may see other attributes now")
        if token.issued + self._retention < self._clock():
            raise Gone("the token has expired")
        return token

    def is_young(self, token: Token) -> bool:
        """Tell whether a client may keep this token instead of getting a fresh one."""
        return self._clock() - token.issued < self._retention // 2

    def tag(self, head: Place, after: int, selection: Selection, form: str) -> str:
        """Write the entity tag of the answer from a place at a head (RFC 9110, 8.8.3).

        form: what else makes the answer another one, such as the size of its page.
        """
        view = f"{head.mark} {after} {form} ".encode() + selection.digest + self._shown
        return f"{head.epoch}.{head.until}.{blake2b(view, digest_size=8).hexdigest()}"
