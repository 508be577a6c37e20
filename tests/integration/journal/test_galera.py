"""A journal on the nodes of a MariaDB Galera Cluster, of which any may be read and written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text, update

from flask_gluu_changes.journal import failures
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.failures import JournalUnavailable
from flask_gluu_changes.journal.tables import (
    COMMITS,
    ENTRIES,
    METADATA,
    UNKNOWN_COMMITS,
    open_engine,
)
from flask_gluu_changes.journal.writer import LeaseLost, WriteBatch, Writer
from tests.support.galera import Galera, GaleraNode
from tests.support.journal_site import Page, Site, token_of
from tests.support.journals import Journal
from tests.support.processes import HOST

pytestmark = pytest.mark.timeout(120)

LEASE = 0.6
BY_TIME: dict[str, Any] = {"timeStamp": "2020-01-01T00:00:00Z", "pagesize": 5}
TOUCH = text("UPDATE gluu_changes_state SET released_at = released_at + 1")

Step = Callable[[], object]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Galera]:
    """Three nodes for all tests of this module."""
    with Galera() as cluster:
        yield cluster


@pytest.fixture
def engines(cluster: Galera) -> Iterator[list[Engine]]:
    """An engine for each node; each of them sees that there is no journal yet."""
    engines = [open_engine(url) for url in cluster.urls]
    yield engines
    METADATA.drop_all(engines[0])
    for engine in engines:
        engine.dispose()


@pytest.fixture
def journal(engines: list[Engine]) -> Journal:
    """A journal that is written at the first node."""
    return Journal(engines[0])


@dataclass
class Reading:
    """A web node's part in a journal."""

    backend: JournalBackend


@pytest.fixture
def sites(journal: Journal, engines: list[Engine]) -> list[Site]:
    """A web node for each node of the database, which all serve the same journal."""
    return [Site(Reading(JournalBackend(engine))) for engine in engines]


@contextmanager
def before_commits(engine: Engine, *steps: Step) -> Iterator[None]:
    """Take a step before each commit of an engine, until there are none left."""
    left = iter(steps)

    def take(_: object) -> None:
        for step in left:
            step()
            return

    event.listen(engine, "commit", take)
    try:
        yield
    finally:
        event.remove(engine, "commit", take)


def touch(engine: Engine) -> Step:
    """Return a step that writes, at a node, what every transaction of a writer writes."""

    def step() -> None:
        with engine.begin() as connection:
            connection.execute(TOUCH)

    return step


def content(engine: Engine) -> tuple[list[Any], list[Any]]:
    """Return entries and commits as a node has them."""
    with engine.begin() as connection:
        entries = connection.execute(select(ENTRIES.c.seq, ENTRIES.c.version, ENTRIES.c.line))
        commits = connection.execute(select(COMMITS.c.seq, COMMITS.c.commit_id))
        return sorted(map(tuple, entries)), sorted(map(tuple, commits))


def test_a_write_that_met_others_is_repeated_as_a_whole(
    journal: Journal, engines: list[Engine]
) -> None:
    """All of it is there once, in one commit behind what was there, at every node."""
    before = journal.version
    with before_commits(engines[0], touch(engines[1]), touch(engines[2])):
        journal.put("a", "b")
    state = journal.writer.state()
    assert (state.head, state.version > before) == (2, True)
    entries, commits = content(engines[2])
    assert [(seq, version) for seq, version, _ in entries] == [
        (1, state.version),
        (2, state.version),
    ]
    assert [seq for seq, _ in commits] == [0, 2]
    assert content(engines[0]) == content(engines[1]) == (entries, commits)


def test_every_write_is_repeated(journal: Journal, engines: list[Engine]) -> None:
    """Whatever it is for."""
    journal.put("a")
    writes: list[Step] = [
        journal.writer.acquire,
        journal.writer.renew,
        lambda: journal.writer.follow("test", "lagging", "w"),
        journal.writer.begin_epoch,
        lambda: journal.writer.prune(0),
        journal.writer.release,
    ]
    for write in writes:
        with before_commits(engines[0], touch(engines[1])):
            write()


def test_a_write_that_always_meets_others_ends(
    journal: Journal, engines: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is written, and `follow` begins again later."""
    monkeypatch.setattr(failures, "REPEATING", 0.3)
    before = content(engines[1])
    with (
        before_commits(engines[0], *[touch(engines[1])] * 100),
        pytest.raises(JournalUnavailable, match="Deadlock"),
    ):
        journal.put("a", "b")
    assert content(engines[1]) == before
    journal.put("a", "b")
    assert len(content(engines[1])[0]) == 2


def test_of_two_who_take_a_lease_at_once_one_gets_it(engines: list[Engine]) -> None:
    """Each at its own node, which knows nothing of the other's lock."""
    one, two = Writer(engines[0]), Writer(engines[1])
    Writer(engines[2]).acquire()
    with engines[2].begin() as connection:
        connection.execute(text("UPDATE gluu_changes_state SET holder = ''"))
    taken = []
    with before_commits(engines[0], lambda: taken.append(two.acquire())):
        taken.append(one.acquire())
    assert taken == [True, False]
    assert one.state().holder == two.name


def test_two_who_make_a_journal_at_once(engines: list[Engine]) -> None:
    """One of them takes the lease, and neither fails."""
    one, two = Writer(engines[0]), Writer(engines[1])
    taken = []
    with before_commits(engines[0], lambda: None, lambda: taken.append(two.acquire())):
        taken.append(one.acquire())
    assert taken == [True, False]
    assert content(engines[2])[1] == content(engines[0])[1]


def test_who_froze_within_a_write_writes_nothing_when_it_wakes(
    engines: list[Engine],
) -> None:
    """Its lease was over meanwhile, and another one wrote at another node."""
    frozen, other = Journal(engines[0]), Writer(engines[1], seconds=LEASE)
    frozen.writer = Writer(engines[0], seconds=LEASE)
    with engines[0].begin() as connection:
        connection.execute(text("UPDATE gluu_changes_state SET holder = ''"))
    assert frozen.writer.acquire()

    def take_over() -> None:
        deadline = time.monotonic() + 20
        while not other.acquire():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        batch = WriteBatch()
        batch.put(frozen.identity("b", {"inum": ["b"]}))
        assert other.commit(batch) == 1

    with before_commits(engines[0], take_over), pytest.raises(LeaseLost):
        frozen.put("a")
    entries, _ = content(engines[0])
    assert [b'"b"' in line for _, _, line in entries] == [True]
    with pytest.raises(LeaseLost):
        frozen.put("a")


def several(nodes: Sequence[GaleraNode]) -> Site:
    """Return a web node that may ask any of some nodes, the first one that can be used."""
    hosts = "&".join(f"host={HOST}:{node.port}" for node in nodes)
    credentials, _, rest = nodes[0].url.partition("@")
    return Site(Reading(JournalBackend(f"{credentials}@/{rest.partition('/')[2]}?{hosts}")))


@contextmanager
def impatient(node: GaleraNode) -> Iterator[None]:
    """Have a node wait only for a moment for what the others wrote."""
    node.set_provider("repl.causal_read_timeout=PT0.3S")
    yield
    node.set_provider("repl.causal_read_timeout=PT10S")


def test_a_node_that_lags_serves_no_past(
    cluster: Galera, journal: Journal, sites: list[Site]
) -> None:
    """Neither to a token that has seen beyond it, nor to anybody else; nor is that a 410."""
    journal.put("a")
    token = sites[0].full()
    with impatient(cluster.nodes[2]):
        with cluster.nodes[2].lagging():
            journal.put("b")
            beyond = token_of(sites[1].run(deltaToken=token))
            forms: list[dict[str, Any]] = [
                {"cursor": ""},
                {"deltaToken": token},
                {"deltaToken": beyond},
                BY_TIME,
            ]
            forms.append({"deltaToken": "latest"})
            answers = [sites[2].get(**form) for form in forms]
            assert {(a.status_code, "Retry-After" in a.headers) for a in answers} == {(503, True)}
        (page,) = sites[2].run(deltaToken=beyond)
        assert page["total"] == 0


def test_a_node_that_is_cut_off_serves_nothing(
    cluster: Galera, journal: Journal, sites: list[Site], caplog: pytest.LogCaptureFixture
) -> None:
    """From the first moment on; when it is back it knows all that came meanwhile.

    Who may ask another one passes over it.
    """
    journal.put("a")
    tokens = [site.full() for site in sites]
    node = cluster.nodes[2]
    with impatient(node):
        node.cut_off()
        journal.put("b")  # as soon as the others know
        token = token_of(sites[1].run(deltaToken=tokens[0]))
        forms: list[dict[str, Any]] = [{"cursor": ""}, {"deltaToken": token}, BY_TIME]
        assert {sites[2].get(**form).status_code for form in forms} == {503}
        node.await_status("wsrep_cluster_status", "non-Primary")
        assert {sites[2].get(**form).status_code for form in forms} == {503}
        assert several([node, cluster.nodes[0]]).page(deltaToken=token)["total"] == 0
        assert several([node]).get(deltaToken=token).status_code == 503
        node.join_again()
    assert [sites[2].page(deltaToken=t)["total"] for t in (token, tokens[2])] == [0, 1]
    with journal.engine.begin() as connection:
        assert connection.scalars(select(UNKNOWN_COMMITS.c.seq)).all() == []
    assert "Traceback" not in caplog.text


def test_a_node_that_was_killed_is_where_its_tokens_were(
    cluster: Galera, journal: Journal, sites: list[Site]
) -> None:
    """Others write while it is away; it lost what it had not written to its disk.

    Who may ask another one does so at once.
    """
    journal.put("a")
    node, token = cluster.nodes[2], sites[2].full()
    either = several([node, cluster.nodes[1]])
    assert either.page(deltaToken=token)["total"] == 0
    node.kill()
    assert sites[2].get(deltaToken=token).status_code == 503
    assert either.page(deltaToken=token)["total"] == 0
    for number in range(5):
        journal.put(f"n{number}")
    token = token_of(sites[1].run(deltaToken=token))
    node.start()
    assert sites[2].page(deltaToken=token)["total"] == 0
    assert len(sites[2].run(cursor="", count=1)) >= 6


def test_a_lost_commit_that_two_nodes_note_at_once(
    journal: Journal, engines: list[Engine], sites: list[Site], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither says that it cannot be noted."""
    journal.put("a")
    token = sites[0].full()
    with engines[0].begin() as connection:
        connection.execute(update(COMMITS).where(COMMITS.c.seq == 1).values(commit_id="other"))
    with before_commits(engines[1], lambda: sites[2].get(deltaToken=token)):
        assert sites[1].get(deltaToken=token).status_code == 410
    assert journal.writer.was_restored()
    assert "cannot be noted" not in caplog.text


def test_three_nodes_in_turn_never_go_back(journal: Journal, sites: list[Site]) -> None:
    """Each answer holds what was written before it was asked for, once."""
    turns = cycle(sites)
    token, last = sites[0].full(), 0
    for number in range(60):
        journal.put(f"n{number % 7}", title=str(number))
        page: Page = next(turns).page(deltaToken=token)
        token = page["nextDeltaToken"]["value"]
        (entry,) = page["results"]
        assert (entry["@id"], entry["@version"] > last) == (f"n{number % 7}", True)
        last = entry["@version"]
