"""The contract between the feed and a store of people: one method, and four with defaults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from .encoder import EncodedEntry
from .follower import Follower, NotFollowable
from .model import ChangesQuery, Entry, Finding
from .values import AttributeType

IDENTITY = ("uid", "inum")


def probe(answer: Iterator[Entry], query: ChangesQuery) -> Iterator[Finding]:
    """Look at the first entry of an answer to a query for everybody."""
    first = next(answer, None)
    if first is None:
        yield Finding.warning(
            f"the store answers, but nobody has changed since {query.since:%Y-%m-%d}",
            "see whether the store is the right one, and whether people have change times in it",
        )
        return
    yield Finding.ok("the store answers with people")
    for name in IDENTITY:
        if not first.get(name):
            yield Finding.fault(f"a person has no {name}", f"let the backend give every {name}")


class Backend(ABC):
    """A store of people that can say who was added or changed since a time.

    One instance serves every thread of a process, so its methods must be thread-safe, and it must
    not hold open connections before the first call (servers fork after the app is made).
    """

    @abstractmethod
    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield every matching person once, in any order, as one consistent look at the store.

        The feed sorts, pages, types and hides; a backend only finds. An entry must carry its
        `uid` and `inum`; more attributes than the query needs do no harm. Raise
        `BackendUnavailable` when trying again may help and `BackendRefused` when it may not.
        Never stop early without raising: a short answer is a lost change.
        """

    def attribute_type(self, name: str) -> AttributeType | None:
        """Give the type that the store has registered for an attribute; None where it has none.

        What it leaves open is looked up in `GLUU_CHANGES_ATTRIBUTE_TYPES`. Asked once an answer
        for each name, without its options; names are compared ignoring case (RFC 4512, 2.5).
        """
        return None

    def examine(self, query: ChangesQuery) -> Iterator[Finding]:
        """Look for what would keep the store from answering well, for `flask gluu-changes doctor`.

        query: what the feed would ask, so that rights and indexes of just that can be looked at.
        By default the query is asked, and the first entry looked at. A `BackendError` that is
        raised is a fault, too.
        """
        return probe(self.changes(query), query)

    def follower(self, query: ChangesQuery) -> Follower:
        """Give a way to be told of every change; only the journal asks for it.

        query: which attributes are needed; its time is of no concern. Raise `NotFollowable` with
        the reason when there is none: then `changes` is asked at intervals.
        """
        raise NotFollowable("the store has no way to tell every change")

    def encoded(self, query: ChangesQuery) -> Iterator[EncodedEntry] | None:
        """Yield what `changes` finds as the bytes that are served; None where there are none.

        For stores that keep entries typed and hidden already, by the settings of this application.
        """
        return None

    def close(self) -> None:
        """Give back what the store holds open; the backend is not used afterwards."""
