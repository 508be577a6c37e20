"""Histories of a directory, of the journal that follows it and of a client's replica.

Hypothesis makes them up. Whatever happens, a replica that was drained at rest equals the directory
as it was told to the journal (G1, G3), no batch removes who is there, versions never go back (G2),
and tokens can be used again (G4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import httpx
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import Engine

from .journal_site import Site
from .journals import Journal
from .replicas import People, TokenReplica, http_of
from .world import Copy, World, copy_of

IDS = st.sampled_from("12345")
UIDS = st.sampled_from(["a", "B", "c"])
MAILS = st.sampled_from("xy")
SKEWS = st.sampled_from([0, 0, 0, 3600, -3])
QUICK = settings(
    max_examples=1500,
    stateful_step_count=8,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
LATE = st.sampled_from([False, False, True])


class Replica(Protocol):
    """What a history does with a client."""

    people: People

    @property
    def resting(self) -> bool:
        """Tell whether all that was applied is kept."""

    def poll(self) -> bool:
        """Apply one batch."""

    def crash(self) -> None:
        """Lose the run that is under way."""

    def replay(self, number: int) -> None:
        """Go back to an older token."""

    def burn(self) -> None:
        """Throw older tokens away."""

    def drain(self) -> None:
        """Read to the end, and once more."""

    def forget(self) -> None:
        """Lose the token."""


class Histories(RuleBasedStateMachine):
    """Subclasses say where the journal is and who serves it; all histories share both."""

    journal: ClassVar[Journal]
    blank: ClassVar[Copy]
    app: ClassVar[Flask]
    replica_class: ClassVar[Callable[[httpx.Client, int], Replica]] = TokenReplica
    removes = True

    @initialize(count=st.integers(1, 3), people=st.integers(0, 4), known=st.booleans())
    def begin(self, count: int, people: int, known: bool) -> None:
        """Let there be some people, and a replica that knows them or not; it has no token."""
        self.world = World(self.journal, self.blank)
        self.replica = type(self).replica_class(http_of(self.app), count)
        for number in range(people):
            self.world.write(str(number + 1), "abcd"[number], "x")
        if known:
            self.replica.drain()
            self.replica.forget()

    @rule(id_=IDS, uid=UIDS, mail=MAILS, skew=SKEWS, late=LATE)
    def write(self, id_: str, uid: str, mail: str, skew: int, late: bool) -> None:
        """Add, change or rename a person, or bring back one under a uid that was used."""
        self.world.write(id_, uid, mail, skew=skew, late=late)

    @rule(id_=IDS)
    def write_nothing_new(self, id_: str) -> None:
        """Write what is there already."""
        self.world.tell(id_, "deleted", late=False)

    @precondition(lambda self: self.removes)
    @rule(id_=IDS, late=LATE)
    def delete(self, id_: str, late: bool) -> None:
        """Delete a person."""
        self.world.delete(id_, late=late)

    @precondition(lambda self: self.removes)
    @rule(id_=IDS, late=LATE)
    def move(self, id_: str, late: bool) -> None:
        """Move a person out of the scope or into it."""
        self.world.move(id_, late=late)

    @rule()
    def commit_late(self) -> None:
        """Let everything become visible that has been written."""
        self.world.catch_up()

    @rule()
    def poll(self) -> None:
        """Apply one page; the next one may come much later."""
        self._poll()

    @rule(id_=IDS, uid=UIDS, mail=MAILS)
    def write_between_pages(self, id_: str, uid: str, mail: str) -> None:
        """Write a person between two pages, as chance alone would seldom do."""
        self._poll()
        self.world.write(id_, uid, mail)
        self._poll()

    @rule()
    def crash(self) -> None:
        """Crash before the token is saved."""
        self.replica.crash()

    @rule(number=st.integers(0, 5))
    def replay(self, number: int) -> None:
        """Use a token again."""
        self.replica.replay(number)

    @rule(read=st.booleans(), moved=st.none() | IDS)
    def change_the_filter(self, read: bool, moved: str | None) -> None:
        """Begin an epoch, perhaps with other people in scope; perhaps leave it unread."""
        if moved and self.removes:
            self.world.out_of_scope ^= {moved}
        self.world.begin_epoch(read=read)

    @rule(what=st.sampled_from(["prune", "restart", "back up", "restore"]))
    def operate(self, what: str) -> None:
        """Forget removals, restart the ingester, copy the journal or put the copy in place.

        A client that lost a token meanwhile must begin anew after that, so none does, nor does one
        go back to a token from before: it may know people of whom the copy never heard.
        """
        if what == "prune":
            self.world.prune()
        elif what == "restart":
            self.world.restart()
        elif what == "back up":
            self.world.back_up()
        elif self.replica.resting:
            self.world.restore()
            self.replica.burn()

    @rule()
    def drain(self) -> None:
        """Read all there is, which then equals what the journal was told."""
        self.world.read_if_needed()
        for _ in range(3):  # the run that is under way, one after a restore, and one from there
            while self._poll():
                pass
            self.world.heed_clients()
        assert self.replica.people.keys() == self.world.followed.keys()
        assert _plain(self.replica.people) == self.world.view()

    def _poll(self) -> bool:
        """Apply a batch, which removes nobody who is there."""
        before = set(self.replica.people)
        more = self.replica.poll()
        assert not (before - self.replica.people.keys()) & self.world.followed.keys()
        return more

    def teardown(self) -> None:
        """Come to rest, and compare."""
        if hasattr(self, "world"):
            self.world.catch_up()
            self.drain()


def machine_on(engine: Engine, **more: object) -> type[Histories]:
    """Give the machine whose histories happen in a journal, all in the same one."""
    journal = Journal(engine)
    served = {"journal": journal, "blank": copy_of(engine), "app": Site(journal).app}
    return type("Machine", (Histories,), {**served, **more})


def _plain(people: People) -> dict[str, Any]:
    return {id_: dict(attributes) for id_, attributes in people.items()}
