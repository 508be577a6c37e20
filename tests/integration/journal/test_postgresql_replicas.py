"""A journal in PostgreSQL, whose nodes read from streaming replicas (`make cluster`: longer)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from flask_gluu_changes import BackendUnavailable, ChangesQuery
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.failures import JournalUnavailable
from flask_gluu_changes.journal.tables import METADATA, open_engine
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.model import Level
from flask_gluu_changes.testing import LONG_AGO, person
from tests.support.filling import Filler
from tests.support.filling import Journal as Followed
from tests.support.journal_site import Site, shown
from tests.support.journals import Journal
from tests.support.memory_people import MemoryPeople
from tests.support.postgres import DATABASE, PASSWORD, USER, Postgres
from tests.support.postgresql_replica import (
    EncryptedPrimary,
    Primary,
    Replica,
    await_that,
    several_hosts,
)
from tests.support.processes import HOST, free_port, standing_still
from tests.support.replicas import TokenReplica
from tests.support.slapd import make_certificates
from tests.support.turns import AppsInTurn

DELAY = 1.0
"""Seconds by which a replica lags."""

NAMES = "abcdefgh"
SHORT: Any = {"connect_timeout": 1.0, "operation_timeout": 1.0}
FAST: dict[str, Any] = {"FOLLOW_INTERVAL": 0.02, "FOLLOW_LAG": 0, "FOLLOW_SWEEP": 0.05}


@pytest.fixture(scope="module")
def primary() -> Iterator[Primary]:
    """The server that is written to."""
    with Primary() as server:
        yield server


@pytest.fixture(scope="module")
def behind(primary: Primary) -> Iterator[Replica]:
    """A replica that shows a commit a second later."""
    with Replica(primary, delay=DELAY) as server:
        yield server


@pytest.fixture(scope="module")
def near(primary: Primary) -> Iterator[Replica]:
    """A replica that shows a commit at once."""
    with Replica(primary) as server:
        yield server


@pytest.fixture
def journal(primary: Primary) -> Iterator[Journal]:
    """An empty journal at the primary."""
    made = Journal(open_engine(primary.url))
    yield made
    METADATA.drop_all(made.engine)
    made.backend.close()


class Node:
    """A node that reads from a replica, and asks the primary for the rest."""

    def __init__(self, primary: str, replica: str) -> None:
        self.backend = JournalBackend(
            open_engine(primary, **SHORT), replica=open_engine(replica, **SHORT)
        )
        self.site = Site(self)


@contextmanager
def node_of(primary: str, replica: str) -> Iterator[Node]:
    """Serve from a replica."""
    node = Node(primary, replica)
    try:
        yield node
    finally:
        node.backend.close()


@contextmanager
def writing(journal: Journal) -> Iterator[Callable[[], int]]:
    """Change somebody all the time, until the end of the block; give how many changes."""
    done, count = threading.Event(), [0]

    def write() -> None:
        while not done.wait(0.002):
            count[0] += 1
            name = NAMES[count[0] % len(NAMES)]
            if count[0] % 7:
                journal.put(name, mail=str(count[0]))
            else:
                journal.remove(name)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield lambda: count[0]
    finally:
        done.set()
        thread.join()


class Client:
    """A replica that is kept by tokens, and the answers that it got."""

    def __init__(self, *sites: Site) -> None:
        self.turns = AppsInTurn([site.app for site in sites])
        self.kept = TokenReplica(httpx.Client(transport=self.turns), count=3)

    def mails(self) -> dict[str, list[Any]]:
        """Return the mails of those who have any."""
        return {id_: entry["mail"] for id_, entry in self.kept.people.items() if "mail" in entry}


def test_a_client_of_three_nodes_never_goes_back(
    primary: Primary, near: Replica, behind: Replica, journal: Journal
) -> None:
    """One at the primary, one at a replica, one at a replica that lags: no version, no 410."""
    journal.put(*NAMES)
    with (
        node_of(primary.url, near.url) as second,
        node_of(primary.url, behind.url) as third,
    ):
        behind.catch_up()
        first = Site(journal)
        clients = [Client(first, second.site, third.site), Client(first, third.site)]
        with writing(journal) as written:
            until = time.monotonic() + 2 * DELAY
            while time.monotonic() < until:
                for client in clients:
                    client.kept.poll()
        assert written() > len(NAMES)
        there = {entry["@id"]: entry["mail"] for entry in first.page(cursor="")["results"]}
        for client in clients:
            client.kept.drain()
            assert client.mails() == there
            assert {*client.turns.answers} == {200}


def test_a_failover_costs_the_tokens_of_lost_commits_and_no_others(tmp_path: Path) -> None:
    """The primary is killed while its replica lacks the last commits; `follow` lives on."""
    people = MemoryPeople()
    for name in NAMES:
        people.add(name, person(name))
    with Primary() as old, Replica(old) as new:
        writes = several_hosts([old, new], "read-write")
        followed = Followed(tmp_path, writes)
        with (
            Filler(followed, people.backend, **FAST) as filler,
            node_of(writes, writes) as first,
            node_of(writes, new.url) as second,
        ):
            filler.built()
            steady, ahead = Client(second.site), Client(first.site, second.site)
            steady.kept.drain()
            ahead.kept.drain()
            new.catch_up()
            new.cut_off()
            epoch = followed.state().epoch
            _write(people, "a", "lost")
            filler.until(lambda: _has(followed, "a", b"lost@"))
            ahead.kept.drain()
            assert ahead.mails() == {"a": ["lost@example.org"]}
            old.kill()
            ahead.kept.drain()  # 503: the replica does not know its token
            new.promote()
            _write(people, "b", "after")
            filler.until(lambda: _has(followed, "b", b"after@") and _has(followed, "a", b"lost@"))
            for client in (steady, ahead):
                client.kept.drain()
                assert client.mails() == {"a": ["lost@example.org"], "b": ["after@example.org"]}
                assert client.kept.people.keys() == {*NAMES}
            assert followed.state().epoch == epoch
        followed.engine.dispose()
    answers = [client.turns.answers for client in (steady, ahead)]
    assert [(got.count(410), got.count(503) > 0) for got in answers] == [(0, False), (1, True)]


def _write(people: MemoryPeople, name: str, mail: str) -> None:
    people.change(name, {**person(name), "mail": [f"{mail}@example.org".encode()]})


def _has(followed: Followed, name: str, octets: bytes) -> bool:
    return octets in followed.living()[name]


def test_a_wait_goes_on_at_a_replica_that_is_promoted() -> None:
    """It ends by the first change at the new primary, which is where its node goes on reading."""
    with Primary() as old, Replica(old) as new:
        writes = several_hosts([old, new], "read-write")
        journal = Journal(open_engine(writes))
        journal.put(*NAMES)
        with node_of(writes, new.url) as node, ThreadPoolExecutor(1) as thread:
            token = node.site.full()
            new.catch_up()
            waiting = thread.submit(node.site.page, {"Prefer": "wait=30"}, deltaToken=token)
            await_that(lambda: node.backend._watcher._waiters)
            old.kill()
            new.promote()
            assert not waiting.done()
            journal.put("a", mail="new")
            assert shown([waiting.result()]) == ["a"]
        journal.backend.close()


def test_a_replica_that_goes_and_comes(primary: Primary, journal: Journal) -> None:
    """Its node asks the primary meanwhile; no client notices, not even one that waits."""
    journal.put(*NAMES)
    with Replica(primary) as server, node_of(primary.url, server.url) as node:
        token = node.site.full()
        for _ in range(2):
            server.catch_up()
            assert node.site.get(deltaToken=token).status_code == 200
            server.kill()
            forms: list[dict[str, Any]] = [{"cursor": ""}, {"deltaToken": token}]
            for form in [*forms, {"timeStamp": "2020-01-01T00:00:00Z", "pagesize": 5}]:
                assert node.site.get(**form).status_code == 200
            assert node.site.get({"Prefer": "wait=1"}, deltaToken=token).status_code == 200
            server.start()


def test_a_replica_that_stands_still_holds_up_one_answer(
    primary: Primary, near: Replica, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """For as long as the time-out for it; then the primary answers, and is asked alone."""
    journal.put(*NAMES)
    near.catch_up()
    with node_of(primary.url, near.url) as node:
        token = node.site.full()
        assert node.site.get(deltaToken=token).status_code == 200
        with standing_still(near.pid):
            for _ in range(20):  # so often it would take longer than any test
                assert node.site.get(deltaToken=token).status_code == 200
    said = [line for line in caplog.messages if "the replica does not answer" in line]
    assert len(said) == 1


def test_follow_waits_at_a_replica(near: Replica, journal: Journal) -> None:
    """As for any database that it cannot use, until it is promoted."""
    near.catch_up()
    journal.writer.release()
    near.catch_up()
    engine = open_engine(near.url)
    with pytest.raises(JournalUnavailable, match="read-only transaction"):
        Writer(engine).acquire()
    engine.dispose()


def test_a_replica_of_another_cluster_is_told_by_the_doctor(
    primary: Primary, near: Replica, journal: Journal, postgres: Postgres
) -> None:
    """And one that follows is told from it."""
    other = Journal(open_engine(postgres.url))
    near.catch_up()
    try:
        for url, level in ((postgres.url, Level.FAULT), (near.url, Level.OK)):
            with node_of(primary.url, url) as node:
                found = [*node.backend.examine(ChangesQuery(LONG_AGO))]
                assert [f.level for f in found if "replica" in f.what] == [level]
    finally:
        METADATA.drop_all(other.engine)
        other.backend.close()


def test_a_url_of_several_hosts_with_tls_and_options(tmp_path: Path) -> None:
    """The one that takes writes is found behind one that is away, if its certificate is good."""
    with EncryptedPrimary() as server:
        hosts = f"host={HOST}:{free_port()}&host={HOST}:{server.port}"
        login = f"postgresql://{USER}:{PASSWORD}@/{DATABASE}?{hosts}"
        url = f"{login}&target_session_attrs=read-write&sslmode=verify-full&sslrootcert="
        options = "&options=-csynchronous_commit%3Dremote_apply"
        journal = Journal(open_engine(f"{url}{server.folder / 'ca.pem'}{options}"))
        journal.put("a")
        with journal.engine.connect() as connection:
            encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            assert connection.exec_driver_sql(encrypted).scalar() is True
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "remote_apply"
        journal.backend.close()
        make_certificates(tmp_path)
        strange = JournalBackend(f"{url}{tmp_path / 'ca.pem'}")
        with pytest.raises(BackendUnavailable, match="certificate verify failed"):
            strange.latest()
        strange.close()
