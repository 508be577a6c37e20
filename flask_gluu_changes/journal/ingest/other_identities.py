"""The limit of removals where identities are others than before: by inums, or by number.

Nothing that is known can be compared with a source whose ids are of another kind, so it is all
forgotten. Before that the source has to show nearly as many people as there were.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from time import monotonic

from ...errors import BackendUnavailable
from ...follower import Follower
from ..inum_owners import NO_INUM
from ..records import Identity, IdentityEncoder
from ..writer import Writer
from .comparison import encoded
from .removal_limit import ALL

COUNT_EVERY = 60.0
"""Seconds between two readings of everybody, while too many are gone."""

RENEW_EVERY = 1000
"""People after whom the lease is renewed."""


class OtherIdentities:
    """Looks whether a source still has the people of a journal, whatever their ids are.

    share: of all people that may be gone.
    """

    def __init__(
        self, writer: Writer, share: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._writer = writer
        self._share = share
        self._clock = clock
        self._refusal: tuple[BackendUnavailable, float] | None = None

    def check(self, follower: Follower, encoder: IdentityEncoder) -> None:
        """Raise BackendUnavailable where too many of the journal's people are gone."""
        if self._share >= ALL:
            return
        if self._refusal and self._clock() - self._refusal[1] < COUNT_EVERY:
            raise self._refusal[0]
        known = [*self._writer.inums().values()]
        gone = count_gone(known, self._inums(follower, encoder))
        if not self._writer.exceeds(gone, self._share):
            self._refusal = None
            return
        error = BackendUnavailable(
            f"the source tells people apart by other ids than before, and too many are gone, {gone}"
            f" of {len(known)}: nothing is forgotten; mend the source or, if they are meant to go,"
            " run `flask gluu-changes follow` once with GLUU_CHANGES_FOLLOW_MAX_REMOVALS=1"
        )
        self._refusal = error, self._clock()
        raise error

    def _inums(self, follower: Follower, encoder: IdentityEncoder) -> list[str]:
        """Read everybody; whoever cannot be written is there as well."""
        inums: list[str] = []
        for event in follower.read():
            found = encoded(encoder, event)
            inums.append(found.inum if isinstance(found, Identity) else NO_INUM)
            if len(inums) % RENEW_EVERY == 0:
                self._writer.renew()
        return inums


def count_gone(known: Collection[str], found: Collection[str]) -> int:
    """Return how many are gone, by inums; where one side has none, by number.

    Those without an inum are told apart by number alone.
    """
    if not any(known) or not any(found):
        return max(0, len(known) - len(found))
    nameless = [inums.count(NO_INUM) for inums in ([*known], [*found])]
    return len({*known} - {*found, NO_INUM}) + max(0, nameless[0] - nameless[1])
