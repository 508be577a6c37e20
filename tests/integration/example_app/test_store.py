"""The people's file: seeded once, the same everywhere, written as Gluu writes."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from example_app.activity import Day, simulate_day
from example_app.people import JANE_INUM
from example_app.store import PeopleStore, UidTaken
from example_app.tables import Layout, Row, now
from flask_gluu_changes import ConfigurationError
from tests.support.paths import ROOT

PERSON: Row = {"uid": "new", "cn": "New One", "givenName": "New", "sn": "One", "mail": []}


@pytest.fixture
def store(people_file: Path) -> PeopleStore:
    """A store with the people of every start."""
    return PeopleStore(people_file, Layout("gluu"))


def rows_of(file: Path, table: str = "gluuPerson") -> list[tuple[object, ...]]:
    """Read the file without the store."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(f'SELECT * FROM "{table}" ORDER BY doc_id').fetchall()


def test_two_files_hold_the_same_people(store: PeopleStore, tmp_path: Path) -> None:
    """A thousand of them; a demo on another machine shows the same."""
    PeopleStore(tmp_path / "other.sqlite", Layout("gluu"))
    assert len(rows_of(tmp_path / "people.sqlite")) == 1000
    assert rows_of(tmp_path / "people.sqlite") == rows_of(tmp_path / "other.sqlite")


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """People are in it, and whoever was deleted is not."""
    before = os.umask(0o022)
    try:
        store = PeopleStore(tmp_path / "private.sqlite", Layout("gluu"))
    finally:
        os.umask(before)
    with closing(sqlite3.connect(tmp_path / "private.sqlite")) as reader:
        store.delete(JANE_INUM)
        files = list(tmp_path.glob("private.sqlite*"))
        assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in files} == dict.fromkeys(
            ("private.sqlite", "private.sqlite-wal", "private.sqlite-shm"), 0o600
        )
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert JANE_INUM.encode() not in (tmp_path / "private.sqlite").read_bytes()


def test_gluus_relational_layout(store: PeopleStore, people_file: Path) -> None:
    """Key, class and name as Gluu has them; several values are JSON, times are UTC without zone."""
    columns = "doc_id, objectClass, dn, mail, updatedAt, gluuSLAManager"
    with closing(sqlite3.connect(people_file)) as connection:
        query = f"SELECT {columns} FROM gluuPerson WHERE uid = 'jdoe'"
        (row,) = connection.execute(query)
    assert row[:3] == (JANE_INUM, "gluuPerson", f"inum={JANE_INUM},ou=people,o=gluu")
    assert json.loads(row[3]) == ["jane.doe@example.com", "jane@example.org"]
    assert row[4:] == ("2019-12-25 01:27:29.934000", 1)


def test_janssens_names(tmp_path: Path) -> None:
    """Under the janssen profile the table and the time of creation have Janssen's names."""
    store = PeopleStore(tmp_path / "jans.sqlite", Layout("janssen"))
    jane = store.get(JANE_INUM)
    assert jane
    assert jane["dn"].endswith(",ou=people,o=jans")
    assert jane["jansCreationTimestamp"]
    assert len(rows_of(tmp_path / "jans.sqlite", "jansPerson")) == 1000


def test_times_are_set_as_gluu_does(store: PeopleStore) -> None:
    """Adding sets the time of creation alone, an edit sets updatedAt alone; whole milliseconds."""
    before = now()
    inum = store.add(PERSON)
    added = store.get(inum)
    assert added
    assert before <= added["oxCreationTimestamp"] <= now()
    assert added["oxCreationTimestamp"].microsecond % 1000 == 0
    assert added["updatedAt"] is None
    assert store.edit(inum, {**PERSON, "sn": "Two"})
    edited = store.get(inum)
    assert edited
    assert edited["updatedAt"] - before < timedelta(minutes=1)
    assert edited["oxCreationTimestamp"] == added["oxCreationTimestamp"]


def test_a_uid_is_somebodys(store: PeopleStore) -> None:
    """In whatever case; the own one may be kept."""
    inum = store.add(PERSON)
    with pytest.raises(UidTaken):
        store.add({**PERSON, "uid": "JDOE"})
    with pytest.raises(UidTaken):
        store.edit(inum, {**PERSON, "uid": "jDoe"})
    assert store.edit(inum, {**PERSON, "uid": "NEW"})
    assert store.count() == 1001


def test_whoever_is_not_there(store: PeopleStore) -> None:
    """Cannot be read, edited or deleted."""
    assert store.get("nobody") is None
    assert not store.edit("nobody", PERSON)
    assert not store.delete("nobody")


def test_a_search(store: PeopleStore) -> None:
    """Finds parts of uid, name and mail in every case and alphabet; % and _ are themselves."""
    assert [found["uid"] for found in store.find("JANE@").people] == ["jdoe"]
    assert store.find("çelİk".replace("İ", "i")).total == store.find("ÇELIK").total == 44
    assert store.find("%").total == store.find("_").total == 0
    assert store.find("", page=10**9).page == 40


def test_what_is_written_stays(store: PeopleStore, people_file: Path) -> None:
    """A second start seeds nobody, not even into an emptied table."""
    for inum in store.inums():
        store.delete(inum)
    assert PeopleStore(people_file, Layout("gluu")).count() == 0


def test_two_programs_seed_once(people_file: Path) -> None:
    """Started at the same moment on one file, both serve the same thousand people."""
    code = (
        "import sys, pathlib\n"
        "from example_app.store import PeopleStore\n"
        "from example_app.tables import Layout\n"
        "print(PeopleStore(pathlib.Path(sys.argv[1]), Layout('gluu')).count())"
    )
    command = [sys.executable, "-c", code, str(people_file)]
    programs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) for _ in range(4)
    ]
    assert [program.communicate(timeout=60)[0] for program in programs] == ["1000\n"] * 4


def test_a_file_that_cannot_be_kept(tmp_path: Path) -> None:
    """It is a sentence that names the setting, be the way barred or the file another one."""
    (tmp_path / "text").write_text("This is no database, and it is longer than a header is. " * 9)
    for file in (tmp_path / "text", tmp_path / "text" / "below"):
        with pytest.raises(ConfigurationError, match="set EXAMPLE_PEOPLE_FILE"):
            PeopleStore(file, Layout("gluu"))


def test_a_day_is_true_to_the_store(store: PeopleStore) -> None:
    """It reports what it did; the documentation's sample person stays."""
    before = now()
    for seed in range(20):
        assert simulate_day(store, Random(seed)) == Day(added=4, edited=12, deleted=2)
    assert store.count() == 1000 + 20 * 2
    jane = store.get(JANE_INUM)
    assert jane
    assert jane["updatedAt"] < before
