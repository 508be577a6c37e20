"""Where continuity cannot be proven a new epoch begins, and everybody is read anew."""

from __future__ import annotations

import json
import subprocess
from binascii import crc32
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from flask_gluu_changes.backends.ldap.syncrepl.stamps import BUCKETS
from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.tables import ENTRIES, STATE
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.testing import NOON, person
from tests.support.filling import Journal
from tests.support.followed import People, filled
from tests.support.following_contract import uuid

FUTURE = "20990101000000.000000Z#000000#000#000000"
OTHER_SERVER = "20200101000000.000000Z#000000#0ff#000000"


@pytest.fixture
def one(people: People, journal: Journal) -> People:
    """A directory with one person, who is in the journal already."""
    people.add("1", person("ann"))
    with filled(journal, people) as filler:
        filler.built()
    return people


def spoil(journal: Journal, **values: Any) -> None:
    """Change what the journal says of itself."""
    with journal.engine.begin() as connection:
        connection.execute(update(STATE).values(**values))


def bucket(people: People, inum: str) -> int:
    """Give the number of the bucket in which somebody's stamp is."""
    return crc32(uuid(people, inum).encode()) % BUCKETS


def with_cookie(journal: Journal, people_cookie: str) -> str:
    """Give the journal's cookie with another one for the people."""
    return json.dumps({**json.loads(journal.state().cookie), "people": people_cookie})


def copy(source: Path, target: Path) -> None:
    """Copy a file that is gigabytes long and nearly empty."""
    subprocess.run(["cp", "--sparse=always", str(source), str(target)], check=True)


COOKIES: dict[str, Callable[[Journal], str]] = {
    "no JSON": lambda _: "garbage",
    "other keys": lambda _: '{"persons": ""}',
    "no cookie of slapd's": lambda journal: with_cookie(journal, "garbage"),
    "newer than the server": lambda journal: with_cookie(journal, f"rid=000,csn={FUTURE}"),
    "of another server": lambda journal: with_cookie(journal, f"rid=000,csn={OTHER_SERVER}"),
}


@pytest.mark.parametrize("kind", COOKIES)
def test_a_cookie_that_cannot_be_continued(one: People, journal: Journal, kind: str) -> None:
    """Every token becomes void, and who did not change gets a new version, too."""
    epoch, before = journal.state().epoch, journal.rows()["1"]
    spoil(journal, cookie=COOKIES[kind](journal))
    one.add("2", person("bob"))
    with filled(journal, one) as filler:
        filler.until(lambda: journal.state().built and "2" in journal.living())
    assert journal.state().epoch != epoch
    assert journal.rows()["1"] == before._replace(version=journal.rows()["1"].version)
    assert journal.rows()["1"].version > before.version


def test_an_identity_that_is_called_old_and_is_unknown(
    own_people: People, journal: Journal
) -> None:
    """The journal was restored from a backup, or the directory was."""
    own_people.add("1", person("ann"))
    own_people.add("2", person("bob"))
    while bucket(own_people, "1") == bucket(own_people, "2"):  # else both are read again
        own_people.remove("2")
        own_people.add("2", person("bob"))
    with filled(journal, own_people) as filler:
        filler.built()
    epoch = journal.state().epoch
    with journal.engine.begin() as connection:
        connection.execute(delete(ENTRIES).where(ENTRIES.c.inum == "2"))
    own_people.remove("1")
    own_people.server.restart()  # without a session log slapd lists who is present
    with filled(journal, own_people) as filler:
        filler.until(lambda: "2" in journal.living() and journal.state().built)
    assert journal.state().epoch != epoch
    assert journal.rows()["1"].removed == "deleted"


def test_a_restored_directory(own_people: People, journal: Journal, tmp_path: Path) -> None:
    """It went back behind the cookie: whoever came since is gone."""
    own_people.add("1", person("ann"))
    own_people.server.stop()
    data, backup = own_people.server.folder / "data" / "data.mdb", tmp_path / "backup.mdb"
    copy(data, backup)
    own_people.server.start()
    own_people.add("2", person("bob"))
    with filled(journal, own_people) as filler:
        filler.built()
    epoch = journal.state().epoch
    own_people.server.stop()
    copy(backup, data)
    own_people.server.start()
    with filled(journal, own_people) as filler:
        filler.until(lambda: journal.rows()["2"].removed == "deleted")
    assert journal.state().epoch != epoch


def test_other_people_are_followed(one: People, journal: Journal) -> None:
    """A cookie belongs to its filter and base."""
    epoch = journal.state().epoch
    source = journal.state().source
    spoil(journal, source=source.replace("gluuperson", "inetorgperson"))
    with filled(journal, one) as filler:
        filler.until(lambda: journal.state().source == source and journal.state().built)
    assert journal.state().epoch != epoch


def test_another_view_is_another_source(
    one: People, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """Entries that nobody touches have to be written anew, and the log says why."""
    epoch = journal.state().epoch
    assert b'"sn"' in journal.living()["1"]
    with filled(journal, one, DENIED_ATTRIBUTES=["sn"]) as filler:
        filler.until(lambda: b'"sn"' not in journal.living()["1"])
    assert journal.state().epoch != epoch
    assert "under other settings: GLUU_CHANGES_DENIED_ATTRIBUTES" in caplog.text


def test_what_is_denied_later_is_neither_served_nor_kept(one: People, journal: Journal) -> None:
    """By another name of it, too: until `follow` has written all anew, nothing is served."""
    one.change("1", {"sn": [b"Lovelace of the old view"]})
    with filled(journal, one) as filler:
        filler.until(lambda: b"old view" in journal.living()["1"])
    stricter = Settings.load({"GLUU_CHANGES_DENIED_ATTRIBUTES": "surname"})
    query = ChangesQuery(NOON, settings_digest=stricter.digest)
    served = JournalBackend(journal.engine)
    with pytest.raises(BackendUnavailable, match="other settings"):
        list(served.changes(query))
    with filled(journal, one, DENIED_ATTRIBUTES="surname") as filler:
        filler.until(lambda: b'"sn"' not in journal.living()["1"])
        filler.until(lambda: not _files_with(journal, b"old view"))
    assert [entry.keys() & {"sn", "uid"} for entry in served.changes(query)] == [{"uid"}]


def _files_with(journal: Journal, octets: bytes) -> list[str]:
    files = Path(journal.engine.url.database or "").parent.glob("journal.db*")
    return [file.name for file in files if octets in file.read_bytes()]


def test_clients_are_not_told_where_the_directory_is(one: People, journal: Journal) -> None:
    """The status is for them, too."""
    assert journal.state().why.startswith("syncrepl reports every change")
    assert one.server.uri not in journal.state().why


def test_identities_of_another_kind_take_the_place_of_all(one: People, journal: Journal) -> None:
    """Else people would be removed under inums that live on."""
    spoil(journal, source="inum by something")
    with journal.engine.begin() as connection:
        connection.execute(update(ENTRIES).values(id="1"))

    def is_replaced() -> bool:
        return [len(row.id) for row in journal.rows().values()] == [36] and journal.state().built

    with filled(journal, one) as filler:
        filler.until(is_replaced)
    assert [row.removed for row in journal.rows().values()] == [None]
