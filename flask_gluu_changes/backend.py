"""The interface of a store of people: one method to write; the others have defaults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from .encoder import EncodedEntry
from .follower import Follower, NotFollowable
from .model import ChangesQuery, Entry, Finding
from .values import AttributeType
from .visibility import AttributeInfo

IDENTITY = ("uid", "inum")
"""The attributes by which clients tell people apart."""


class Backend(ABC):
    """A store of people that returns those who were added or changed since a time.

    One instance serves every thread of a process, so its methods must be thread-safe. It must not
    open connections before the first call, since servers fork after the application was made.
    """

    @abstractmethod
    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield every matching person once, in any order, from one consistent state of the store.

        The feed sorts, pages, types and hides; a backend only finds. An entry must hold its `uid`
        and `inum`; more attributes than the query needs do no harm. Never stop early without
        raising: a short answer is a lost change.

        Where `query.everybody` is set, those without times belong to the answer, too; a backend
        that filters with `query.matches` need not look. The journal's ingest takes whoever is
        missing in that answer for deleted.

        Args:
            query: Which people match, and which of their attributes are needed.

        Raises:
            BackendUnavailable: The store cannot answer; trying again may help.
            BackendRefused: The store cannot answer until its operator acts.
        """

    def attribute_type(self, name: str) -> AttributeType | None:
        """Return the type that the store has registered for an attribute; None where it has none.

        Without one, `GLUU_CHANGES_ATTRIBUTE_TYPES` decides. The feed calls it once an answer for
        each name.

        Args:
            name: The attribute's name without options; to be compared ignoring case (RFC 4512,
                section 2.5).
        """
        return None

    def describe(self, name: str) -> AttributeInfo | None:
        """Return what the store's schema tells of an attribute; None where it has no such one.

        What is hidden under one name is hidden under all that are returned. By default there is no
        schema, and an attribute has the one name. The feed calls it once an answer for each name.

        Args:
            name: A name or OID of the attribute, without options and in lower case.
        """
        return AttributeInfo.named(name)

    def yields_octets(self) -> bool:
        """Return whether all values of all entries are octets, as a directory delivers them.

        Then nobody looks at each value whether it is anything else. By default it is not known.
        """
        return False

    def store_name(self) -> str:
        """Return a text that names the store, so that all who serve it share paging sessions.

        Two instances with the same name must give the same answers. By default it is empty: then
        the workers of one server share them, as far as these have the same instance by its class,
        its plain attributes and the application's config. Nobody reads it, but it must hold no
        secret.
        """
        return ""

    def ignored_settings(self, config: Mapping[str, Any]) -> list[str]:
        """Return the keys that are set in vain, because this instance was made without them.

        The application refuses to start with them.

        Args:
            config: The application's config.
        """
        return []

    def ping(self, query: ChangesQuery) -> None:
        """Have the store answer something, for those who ask whether the operation is ready.

        It is called once a second at most. By default the first entry of an answer is read that
        should be empty; override it where the store reads everybody for that.

        Args:
            query: A query that nobody matches.

        Raises:
            BackendUnavailable: The store does not answer.
        """
        next(iter(self.changes(query)), None)

    def examine(self, query: ChangesQuery) -> Iterator[Finding]:
        """Yield findings about the store for `flask gluu-changes doctor`.

        By default they are about the first entry of the answer to the query. A `BackendError` that
        is raised is reported as a fault.

        Args:
            query: The query of the feed, so that the rights and indexes that it needs can be
                examined.
        """
        return probe(self.changes(query), query)

    def follower(self, query: ChangesQuery) -> Follower:
        """Return a follower of every change of the store; only the journal's ingest calls it.

        Args:
            query: Which attributes are needed; its time does not matter.

        Raises:
            NotFollowable: The store cannot be followed, for the reason in the text. `changes` is
                called at intervals instead.
        """
        raise NotFollowable("the store has no way to tell every change")

    def encoded(self, query: ChangesQuery) -> Iterator[EncodedEntry] | None:
        """Return what `changes` finds as encoded entries; None from stores that hold none.

        It is for stores of entries that were typed and hidden before, by the settings that
        `query.settings_digest` stands for. Entries of other settings must not be returned.

        Args:
            query: Which people match.
        """
        return None

    def connections(self) -> Mapping[str, tuple[int, int]]:
        """Return how many connections this process has to the store, for its metrics.

        Returns:
            Idle ones and those in use, by the name of their pool. By default there is no pool.
        """
        return {}

    def close(self) -> None:
        """Close what the backend holds open; it is not used afterwards."""


def probe(answer: Iterator[Entry], query: ChangesQuery) -> Iterator[Finding]:
    """Yield findings about the first entry of an answer to a query for everybody."""
    first = next(answer, None)
    if first is None:
        yield Finding.warning(
            f"the store answers, but nobody has changed since {query.since:%Y-%m-%d}",
            "check that GLUU_CHANGES_LDAP_BASE_DN or GLUU_CHANGES_SQL_TABLE names the right store,"
            " and that people have one of GLUU_CHANGES_TIME_ATTRIBUTES",
        )
        return
    yield Finding.ok("the store answers with people")
    for name in IDENTITY:
        if not first.get(name):
            advice = f"have `Backend.changes` yield {name} with every entry"
            yield Finding.fault(f"a person has no {name}", advice)
