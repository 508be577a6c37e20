"""A journal that is put back to an older state, while its clients know the newer one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from flask_gluu_changes import BackendUnavailable
from flask_gluu_changes.journal.protocol import Position, ResyncRequired
from flask_gluu_changes.journal.reader import JournalReader
from flask_gluu_changes.journal.tables import METADATA
from flask_gluu_changes.testing import person
from tests.support.filling import Filler, Journal
from tests.support.memory_people import MemoryPeople

TIMING: dict[str, Any] = {"FOLLOW_INTERVAL": 0.02, "FOLLOW_SWEEP": 0.05}


class Remembering:
    """A client that takes nobody whose version is not higher than the one it has."""

    def __init__(self, journal: Journal) -> None:
        self._reader = JournalReader(journal.engine)
        self._place: Position | None = None
        self._versions: dict[str, int] = {}
        self.mails: dict[str, list[str]] = {}

    def drain(self) -> None:
        """Read what came since, or everybody where that cannot be told, once that is allowed."""
        try:
            found = self._reader.read_slice(self._place, 100)
        except ResyncRequired:
            self._place = None
            return
        for entry in map(json.loads, found.entries):
            if entry["@version"] > self._versions.get(entry["@id"], 0):
                self._versions[entry["@id"]] = entry["@version"]
                self.mails[entry["@id"]] = entry["mail"]
        self._place = found.next


def test_a_client_that_remembers_versions_keeps_nothing_old(anywhere: Journal) -> None:
    """Journal and store are put back, so that nobody but the client knows of what was lost."""
    people = MemoryPeople()
    people.add("1", {**person("ann"), "mail": [b"before@example.org"]})
    client = Remembering(anywhere)
    with Filler(anywhere, people.backend, **TIMING) as filler:
        filler.built()
    with anywhere.engine.begin() as connection:
        kept = {t: connection.execute(select(t)).mappings().all() for t in METADATA.sorted_tables}
    people.change("1", {"mail": [b"lost@example.org"]})
    with Filler(anywhere, people.backend, **TIMING) as filler:
        filler.until(lambda: b"lost@" in anywhere.living()["1"])
    client.drain()
    people.change("1", {"mail": [b"before@example.org"]})
    with anywhere.engine.begin() as connection:
        for table, rows in kept.items():
            connection.execute(delete(table))
            if rows:
                connection.execute(insert(table), [dict(row) for row in rows])
    epoch = anywhere.state().epoch
    client.drain()
    with pytest.raises(BackendUnavailable, match="nobody reads everybody until"):
        client.drain()
    assert client.mails == {"1": ["lost@example.org"]}
    with Filler(anywhere, people.backend, **TIMING) as filler:
        filler.until(lambda: anywhere.state().epoch != epoch and anywhere.state().built)
        client.drain()
    assert client.mails == {"1": ["before@example.org"]}
