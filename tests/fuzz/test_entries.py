"""Odd entries keep nobody else out, and what clients get every reader of JSON can read."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import Checkpoint, DeleteUnmentioned, SnapshotStarted, Upserted
from flask_gluu_changes.journal.ingest.ingester import Ingester
from flask_gluu_changes.journal.ingest.removal_limit import ALL, RemovalLimit
from flask_gluu_changes.journal.limits import SizeLimits
from flask_gluu_changes.journal.records import IdentityEncoder
from flask_gluu_changes.values import AttributeType
from flask_gluu_changes.visibility import Visibility
from tests.support.apps import OPERATION
from tests.support.journal_site import Site
from tests.support.journals import Journal, close_engines, memory_engine
from tests.unit.journal.ingest.ingesting import Script, Told

from . import people, strict
from .budget import fuzzed
from .octets import TEXTS

__all__ = ["close_engines"]

PLAIN = {"uid": [b"ann"], "inum": [b"@!1"], "updatedAt": [b"20240501120000Z"]}
SELECTIONS: list[dict[str, str]] = [{}, {"attributes": "uid,NUMERIC"}, {"excludedAttributes": "cn"}]


class TypedPeople(MemoryBackend):
    """People in memory, whose attributes are named after their types."""

    def attribute_type(self, name: str) -> AttributeType | None:
        """Return the type that an attribute is named after."""
        return people.type_of(name)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep no lines of log: there are as many as examples."""
    caplog.set_level(logging.CRITICAL, logger="flask_gluu_changes")


@pytest.fixture(scope="module")
def store() -> TypedPeople:
    """A store that each example fills anew."""
    return TypedPeople()


@pytest.fixture(scope="module")
def by_time(store: TypedPeople) -> Flask:
    """An application that serves the store."""
    app = Flask("fuzz")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=store)
    return app


@fuzzed
@given(odd=st.lists(people.ENTRIES_AT, min_size=1, max_size=3))
def test_a_page_by_time(store: TypedPeople, by_time: Flask, odd: list[Any]) -> None:
    """It has everybody, whatever their values are."""
    store.entries = [*odd, PLAIN]
    query = {"timeStamp": "0001-01-01T00:00:00Z", "pagesize": "100"}
    answer = by_time.test_client().get(OPERATION, query_string=query)
    assert answer.status_code == 200, answer.text
    page = strict.read(answer.data)
    assert ["ann"] in [entry.get("uid") for entry in page["results"]]
    assert page["total"] == len(page["results"])


def ingested(odd: list[tuple[str, Any]], limits: SizeLimits) -> Journal:
    """Take entries into a new journal, the plain one last."""
    journal = Journal(memory_engine(), built=False)
    encoder = IdentityEncoder(people.TIMES, people.type_of, Visibility.of(), limits)
    removal_limit = RemovalLimit(journal.writer, ALL)
    ingester = Ingester(journal.writer, encoder, Script(), Told(), removal_limit)
    ingester.handle(SnapshotStarted(complete=True))
    for id_, entry in (*odd, ("plain", PLAIN)):
        ingester.handle(Upserted(id_, entry))
    ingester.handle(DeleteUnmentioned())
    ingester.handle(Checkpoint("1", ends_snapshot=True))
    return journal


IDS = TEXTS | st.integers(1, 2000).map(lambda length: "é" * length)
LIMITS = st.builds(SizeLimits, st.integers(1, 100), st.integers(1, 400)) | st.just(SizeLimits())


@fuzzed
@given(st.lists(st.tuples(IDS, people.ENTRIES), max_size=3), LIMITS)
def test_a_journal(odd: list[tuple[str, Any]], limits: SizeLimits) -> None:
    """Each is in it or set aside; pages and streams can be read, whatever is selected."""
    journal = ingested(odd, limits)
    site = Site(journal)
    site.app.config["PROPAGATE_EXCEPTIONS"] = True
    for selection in SELECTIONS:
        answer = site.get(cursor="", **selection)
        assert answer.status_code == 200, answer.text
        page = strict.read(answer.data)
        lines = site.get({"Accept": "application/x-ndjson"}, cursor="", **selection).data
        assert [strict.read(line) for line in lines.splitlines()[:-1]] == page["results"]
        assert "plain" in [entry["@id"] for entry in page["results"]]
    set_aside = journal.backend.status().quarantined
    assert len(page["results"]) + set_aside == len({id_ for id_, _ in odd} | {"plain"})
    answer = site.get(timeStamp="0001-01-01T00:00:00Z", pagesize="100")
    assert answer.status_code == 200, answer.text
    assert not any(n.startswith("@") and n != "@omitted" for n in strict.read(answer.data))
    close(journal)


def close(journal: Journal) -> None:
    """Close a journal at once: there are as many as examples."""
    journal.backend.close()
    journal.engine.dispose()
