"""One odd entry never keeps anybody else out of a journal, in whichever database it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from flask_gluu_changes.testing import person
from tests.support.filling import Filler, Journal
from tests.support.mariadb import MariaDb
from tests.support.memory_people import MemoryPeople
from tests.support.postgres import Postgres

KINDS = ("sqlite", "postgresql", "utf8mb4", "utf8mb3", "latin1")
OTHER_CHARSETS = KINDS[2:]


@contextmanager
def database_of(server: MariaDb, charset: str) -> Iterator[str]:
    """Make a database with a character set of its own; give its URL."""
    url = make_url(server.url).set(database=f"journal_{charset}")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {url.database} CHARACTER SET {charset}")
    yield url.render_as_string(hide_password=False)
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {url.database}")


@contextmanager
def schema_of(server: Postgres) -> Iterator[str]:
    """Make a database of the test's own; give its URL."""
    with server.connect() as connection:
        connection.execute("CREATE DATABASE odd")
    yield make_url(server.url).set(database="odd").render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute("DROP DATABASE odd WITH (FORCE)")


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database for a journal, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/journal.db"
    elif request.param == "postgresql":
        with schema_of(request.getfixturevalue("postgres")) as made:
            yield made
    else:
        with database_of(request.getfixturevalue("mariadb"), request.param) as made:
            yield made


@pytest.fixture
def journal(url: str, tmp_path: Path) -> Iterator[Journal]:
    """A new journal there."""
    made = Journal(tmp_path, url)
    yield made
    made.engine.dispose()


@pytest.fixture
def people() -> MemoryPeople:
    """A store with two plain people."""
    store = MemoryPeople()
    store.add("1", person("ann"))
    store.add("2", person("bob"))
    return store


def names(journal: Journal) -> dict[str, str]:
    """Give the uids that clients are told, by inum."""
    return {i: json.loads(body)["uid"][0] for i, body in journal.living().items()}


@pytest.mark.parametrize(
    "inums",
    [
        ("ab", "AB", "aB"),
        ("e", "é", "e\u0301", "ê"),
        ("ab", "ab ", " ab", "ab\t"),
        ("ß", "ss", "ẞ"),
        ("i", "I", "İ", "\u0131"),
        ("\uff57", "w"),
        ("x\u00ad", "x", "x\u200b"),
        ("😀", "😁", "Ł", "L"),
    ],
)
def test_ids_compare_as_octets(journal: Journal, people: MemoryPeople, inums: list[str]) -> None:
    """Two are the same only where their octets are: no collation decides."""
    expected = {"1": "ann", "2": "bob"}
    for number, inum in enumerate(inums):
        people.add(inum, person(f"u{number}"))
        expected[inum] = f"u{number}"
    with Filler(journal, people.backend, FOLLOW_SWEEP=0.01, FOLLOW_INTERVAL=0.01) as filler:
        filler.until(lambda: names(journal) == expected)
        people.remove(inums[0])
        del expected[inums[0]]
        filler.until(lambda: names(journal) == expected)


@pytest.mark.parametrize(
    "uid", ["Łukasz", "😀", "a\0b", "\u4e2d", "\x7f", "\ufffe", "\\'\"", "%s:x"]
)
def test_every_text_reaches_clients(journal: Journal, people: MemoryPeople, uid: str) -> None:
    """The tables bring their character set: the database's own does not matter."""
    people.add("3", person(uid))
    with Filler(journal, people.backend) as filler:
        filler.until(lambda: names(journal) == {"1": "ann", "2": "bob", "3": uid})
        assert journal.quarantined() == []


def test_a_long_inum(journal: Journal, people: MemoryPeople) -> None:
    """Of 200 characters, four octets each."""
    people.add("😀" * 200, person("cid"))
    with Filler(journal, people.backend) as filler:
        filler.until(lambda: names(journal) == {"1": "ann", "2": "bob", "😀" * 200: "cid"})


@pytest.mark.parametrize("inum", ["x" * 1001, "é" * 600, "x" * 70_000])
def test_an_inum_that_cannot_be_written(
    journal: Journal, people: MemoryPeople, inum: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted, the others come, and when it is gone nothing is left of it."""
    people.add(inum, person("s3cret"))
    with Filler(journal, people.backend, FOLLOW_SWEEP=0.01, FOLLOW_INTERVAL=0.01) as filler:
        filler.until(lambda: names(journal) == {"1": "ann", "2": "bob"} and journal.state().built)
        assert len(journal.quarantined()) == 1
        people.add("3", person("cid"))
        filler.until(lambda: "3" in names(journal))
        people.remove(inum)
        filler.until(lambda: journal.quarantined() == [])
    lines = [r.getMessage() for r in caplog.records if "cannot be written" in r.getMessage()]
    assert len(lines) == 1
    assert "s3cret" not in lines[0]
    assert len(lines[0]) < 500


@pytest.mark.parametrize("megabytes", [6, 8, 13, 40])
@pytest.mark.timeout(300)
def test_large_photos(journal: Journal, people: MemoryPeople, megabytes: int) -> None:
    """The person comes; what is beyond the limit is left out and named."""
    people.add("3", {**person("cid"), "jpegPhoto": [b"\xff" * megabytes * 1_000_000]})
    with Filler(journal, people.backend) as filler:
        filler.until(lambda: names(journal) == {"1": "ann", "2": "bob", "3": "cid"})
        body = json.loads(journal.living()["3"])
    packets = journal.engine.dialect.name == "mysql"  # of 16 MiB, and PyMySQL sends hexadecimals
    assert ("jpegPhoto" in body) == (megabytes <= (6 if packets else 8))
    assert journal.omitted("3") == ([] if "jpegPhoto" in body else ["jpegPhoto"])
    assert journal.quarantined() == []


def test_what_the_database_does_not_take(people: MemoryPeople, mariadb: MariaDb) -> None:
    """Here a packet of the server's: the person is left out, until the uid shrinks."""
    with (
        database_of(mariadb, "utf8mb4") as url,
        mariadb.connect("root", "", database=None) as root,
        root.cursor() as cursor,
    ):
        journal = Journal(Path(), url)
        cursor.execute("SET GLOBAL max_allowed_packet = 1048576")
        try:
            people.add("3", person("x" * 500_000))
            with Filler(journal, people.backend, FOLLOW_SWEEP=0.01, FOLLOW_INTERVAL=0.01) as filler:
                filler.until(lambda: journal.state().built)
                assert journal.quarantined() == ["3"]
                assert names(journal) == {"1": "ann", "2": "bob"}
                people.add("3", person("cid"))
                filler.until(lambda: "3" in names(journal))
                assert journal.quarantined() == []
                people.change("3", {"uid": [b"y" * 500_000]})
                filler.until(lambda: journal.quarantined() == ["3"])
                assert names(journal)["3"] == "cid"  # kept as it was: nobody's account must go
                people.remove("3")
                filler.until(lambda: journal.quarantined() == [])
                assert "3" not in names(journal)
        finally:
            cursor.execute("SET GLOBAL max_allowed_packet = 16777216")
            journal.engine.dispose()
