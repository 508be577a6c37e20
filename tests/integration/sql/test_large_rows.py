"""Rows with photos need no more memory than a few of them, whatever a page has of them."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from flask_gluu_changes import Entry
from flask_gluu_changes.journal.writer import WriteBatch
from tests.support.apps import OPERATION
from tests.support.journals import Journal
from tests.support.journals import engine as engine
from tests.support.journals import journal as journal
from tests.support.peak import measure
from tests.support.relational import Relational

PEOPLE = 300
PHOTO = bytes(range(256)) * 166
"""Not 64 KiB: MariaDB's column takes no more. 300 of them are 17 MB as base64."""

TIME = b"20240501120000Z"
MOST_MIB = 32.0


def _load(database: Relational) -> None:
    database.load(
        (f"{n:04d}", {"uid": [b"%04d" % n], "jpegPhoto": [PHOTO], "updatedAt": [TIME]})
        for n in range(PEOPLE)
    )


def _url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def test_pages_of_photos_take_little_memory(database: Relational) -> None:
    """Three answers that are kept because their clients may go on."""
    _load(database)
    paths = [
        f"{OPERATION}?timeStamp=2020-01-0{day}T00:00:00Z&start=0&pagesize={PEOPLE}"
        for day in (1, 2, 3)
    ]
    need = measure("sql", _url(database.engine), paths)
    assert need.octets > 3 * 16_000_000
    assert need.mebibytes < MOST_MIB


@pytest.mark.parametrize("engine", [None, "postgres"], indirect=True)
@pytest.mark.parametrize(
    "form", ["cursor=&count=1000", "timeStamp=2020-01-01T00:00:00Z&pagesize=1000"]
)
def test_a_journals_pages_of_photos_take_little_memory(journal: Journal, form: str) -> None:
    """In both forms; a page by token ends where it is large enough."""
    batch = WriteBatch()
    for number in range(PEOPLE):
        name = [f"{number}"]
        entry: Entry = {"inum": name, "uid": name, "jpegPhoto": [PHOTO], "updatedAt": [TIME]}
        batch.put(journal.identity(name[0], entry))
    journal.writer.commit(batch)
    need = measure("journal", _url(journal.engine), [f"{OPERATION}?{form}"])
    assert need.octets > (8_000_000 if form.startswith("cursor") else 16_000_000)
    assert need.mebibytes < MOST_MIB
