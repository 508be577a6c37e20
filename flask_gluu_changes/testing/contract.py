"""The contract of all backends: one suite, run over each store of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias

import pytest

from ..backend import Backend
from ..model import ChangesQuery, Entry

Attributes: TypeAlias = Mapping[str, Sequence[bytes]]
"""Attribute names to values, as LDAP octets; a store turns them into what it holds."""

NOON = datetime(2024, 5, 1, 12, 0, 0, 500_000, tzinfo=UTC)
"""The time at which people are created where a test names no other; not a whole second."""

MILLISECOND = timedelta(milliseconds=1)
"""The resolution of times."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""A time before all changes."""


BEFORE_LONG_AGO: Attributes = {
    "oxCreationTimestamp": [b"19040229235959.000Z"],
    "updatedAt": [b"19691231235959.999Z"],
}
"""Times that lie before all time stamps that clients send."""


class Store(Protocol):
    """A store of people under test, and its backend; an author of a backend writes one.

    What it does must show in the backend's very next answer. The attributes that are used are
    `uid`, `cn`, `sn`, `mail` (two values at most), `l` and the two times, `updatedAt` and
    `oxCreationTimestamp`.
    """

    @property
    def backend(self) -> Backend:
        """The backend under test; a plain attribute is enough."""

    def add(self, inum: str, attributes: Attributes) -> None:
        """Add a person.

        Args:
            inum: The person's inum, which is not among the attributes.
            attributes: All other attributes.
        """

    def change(self, inum: str, attributes: Attributes) -> None:
        """Replace the values of some attributes of a person.

        Args:
            inum: The person's inum.
            attributes: The attributes that get new values; all others stay.
        """

    def remove(self, inum: str) -> None:
        """Delete a person.

        Args:
            inum: The person's inum.
        """


def time_octets(moment: datetime) -> bytes:
    """Return a time as directories hold it, with milliseconds.

    Args:
        moment: A time in UTC.
    """
    return f"{moment:%Y%m%d%H%M%S}.{moment.microsecond // 1000:03}Z".encode()


def person(uid: str, *, updated: datetime | None = None, created: datetime = NOON) -> Attributes:
    """Return the attributes of a small person.

    Args:
        uid: The value of `uid`, `cn` and `sn`.
        updated: The value of `updatedAt`; None leaves it out.
        created: The value of `oxCreationTimestamp`.
    """
    name = uid.encode()
    times = {} if updated is None else {"updatedAt": [time_octets(updated)]}
    return {
        "uid": [name],
        "cn": [name],
        "sn": [name],
        "oxCreationTimestamp": [time_octets(created)],
        **times,
    }


class BackendContract:
    """Every promise of a backend as a test: inherit, and add a fixture `store`.

    The store must be empty at the start of each test. Name the subclass `Test…`, so that pytest
    finds it; add tests of your own to it as you like.

    Attributes:
        everybody_has_a_time: Whether the store itself sets a time where a person comes without one;
            False unless the subclass says otherwise.
    """

    everybody_has_a_time = False

    def find(self, store: Store, since: datetime, **hints: frozenset[str]) -> list[Entry]:
        """Return all entries that the backend finds.

        Args:
            store: The store under test.
            since: The lower bound of the change time, inclusive.
            **hints: `attributes` and `excluded` of the ChangesQuery.
        """
        return list(store.backend.changes(ChangesQuery(since, **hints)))  # type: ignore[arg-type]

    def inums(self, store: Store, since: datetime) -> list[str]:
        """Return the inums that the backend finds, sorted, each as often as it came."""
        return sorted(text(entry["inum"][0]) for entry in self.find(store, since))

    def test_an_empty_store_has_no_changes(self, store: Store) -> None:
        """Nothing is found in it, and that is no error."""
        assert self.find(store, LONG_AGO) == []

    def test_an_idle_store_answers(self, store: Store) -> None:
        """Who only asks whether it does gets no error."""
        store.backend.ping(ChangesQuery(datetime(9999, 1, 1, tzinfo=UTC)))

    def test_the_bound_is_inclusive(self, store: Store) -> None:
        """A change in the very millisecond of the time stamp is found; one before it is not."""
        store.add("1", person("a", created=NOON - MILLISECOND))
        store.add("2", person("b", created=NOON))
        store.add("3", person("c", created=NOON + MILLISECOND))
        assert self.inums(store, NOON) == ["2", "3"]
        assert self.inums(store, NOON + MILLISECOND) == ["3"]
        assert self.inums(store, NOON + 2 * MILLISECOND) == []

    @pytest.mark.parametrize("newer", ["updated", "created"])
    def test_either_time_counts(self, store: Store, newer: str) -> None:
        """One time attribute at or after the bound is enough."""
        times = {"created": NOON - MILLISECOND, "updated": NOON - MILLISECOND, newer: NOON}
        store.add("1", person("a", **times))
        assert self.inums(store, NOON) == ["1"]

    def test_a_person_comes_once(self, store: Store) -> None:
        """A person whose times all match is still one change."""
        store.add("1", person("a", updated=NOON))
        assert self.inums(store, LONG_AGO) == ["1"]

    def test_changes_and_deletions_show_at_once(self, store: Store) -> None:
        """An answer shows the store as it is now."""
        store.add("1", person("a"))
        store.add("2", person("b"))
        assert self.inums(store, NOON + MILLISECOND) == []
        store.change("1", {"updatedAt": [time_octets(NOON + MILLISECOND)]})
        assert self.inums(store, NOON + MILLISECOND) == ["1"]
        store.remove("1")
        assert self.inums(store, LONG_AGO) == ["2"]

    def test_without_a_time_there_is_no_change(self, store: Store) -> None:
        """A person without times is never found; one whose time the store itself has set is."""
        attributes = dict(person("a"))
        del attributes["oxCreationTimestamp"]
        store.add("1", attributes)
        assert self.inums(store, LONG_AGO) == (["1"] if self.everybody_has_a_time else [])

    @pytest.mark.parametrize("times", [{}, BEFORE_LONG_AGO], ids=["none", "before 1970"])
    def test_everybody_is_everybody(self, store: Store, times: Attributes) -> None:
        """A query for everybody finds those, too, whom no time finds, and each once."""
        attributes = dict(person("a"))
        del attributes["oxCreationTimestamp"]
        store.add("1", {**attributes, **times})
        store.add("2", person("b", updated=NOON))
        found = store.backend.changes(ChangesQuery(LONG_AGO, everybody=True))
        assert sorted(text(entry["inum"][0]) for entry in found) == ["1", "2"]

    def test_all_values_arrive(self, store: Store) -> None:
        """Every attribute comes with all of its values, whatever their script."""
        values = {"mail": [b"a@example.org", b"b@example.org"], "l": ["Kraków \U0001f600".encode()]}
        store.add("1", {**person("a"), **values})
        (entry,) = self.find(store, NOON)
        assert sorted(map(text, entry["mail"])) == ["a@example.org", "b@example.org"]
        assert list(map(text, entry["l"])) == ["Kraków \U0001f600"]

    def test_octets_are_octets(self, store: Store) -> None:
        """A store that says that it yields octets yields nothing else."""
        store.add("1", {**person("a"), "mail": [b"a@example.org", b"b@example.org"]})
        (entry,) = self.find(store, NOON)
        kinds = {type(value) for values in entry.values() for value in values}
        assert kinds == {bytes} or not store.backend.yields_octets()

    def test_what_is_needed_arrives(self, store: Store) -> None:
        """A query that names attributes gets those, and always uid, inum and the times."""
        store.add("1", {**person("a", updated=NOON), "mail": [b"a@example.org"], "l": [b"Oslo"]})
        (entry,) = self.find(store, NOON, attributes=frozenset({"mail"}))
        assert {"uid", "inum", "mail", "updatedAt", "oxCreationTimestamp"} <= entry.keys()

    def test_names_that_nobody_has_do_no_harm(self, store: Store) -> None:
        """A hint may name attributes that this store does not have."""
        store.add("1", person("a"))
        hints = {"attributes": frozenset({"nosuch"}), "excluded": frozenset({"nosuch2", "uid"})}
        (entry,) = self.find(store, NOON, **hints)
        assert {"uid", "inum"} <= entry.keys()

    @pytest.mark.parametrize("uid", ["*", "(", ")", "\\", "a*)(uid=*", "é\\2a", "a b", "x'y\"z"])
    def test_strange_names_are_only_names(self, store: Store, uid: str) -> None:
        """Characters with a meaning in filters or queries have none in a value."""
        store.add("1", person(uid))
        (entry,) = self.find(store, NOON)
        assert text(entry["uid"][0]) == uid

    def test_threads_do_not_mix(self, store: Store) -> None:
        """Eight threads that ask at the same time all get their own whole answer."""
        for i in range(40):
            store.add(str(i), person(f"u{i:02}", created=NOON + i * MILLISECOND))

        def ask(i: int) -> int:
            return len(self.inums(store, NOON + i * MILLISECOND))

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(ask, range(40))) == [40 - i for i in range(40)]

    def test_an_answer_that_is_given_up_leaves_nothing_behind(self, store: Store) -> None:
        """Whoever stops reading half-way does not disturb the next answer."""
        for i in range(20):
            store.add(str(i), person(f"u{i}"))
        half = iter(store.backend.changes(ChangesQuery(NOON)))
        next(half)
        getattr(half, "close", lambda: None)()
        assert len(self.find(store, NOON)) == 20


def text(value: object) -> str:
    """Return a value of an entry as text, from octets or as it is."""
    return value.decode() if isinstance(value, bytes) else str(value)
