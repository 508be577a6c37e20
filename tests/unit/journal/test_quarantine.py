"""What a database does not take is set aside, entry by entry, and everybody else goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.follower import (
    Checkpoint,
    DeleteUnmentioned,
    Event,
    Heartbeat,
    SnapshotProgress,
    SnapshotStarted,
    Unchanged,
    Upserted,
)
from flask_gluu_changes.journal.failures import JournalUnavailable
from flask_gluu_changes.journal.ingest.ingester import Ingester
from flask_gluu_changes.journal.ingest.polling import PollingFollower
from flask_gluu_changes.journal.ingest.removal_limit import ALL, RemovalLimit
from flask_gluu_changes.journal.limits import SizeLimits
from flask_gluu_changes.journal.records import EVERYTHING_SINCE, IdentityEncoder
from flask_gluu_changes.journal.tables import QUARANTINE
from flask_gluu_changes.journal.writer import WriteBatch
from flask_gluu_changes.model import ChangesQuery, Entry
from flask_gluu_changes.settings.journal import FollowSettings
from flask_gluu_changes.visibility import Visibility
from tests.support.journal_site import Site
from tests.support.journals import Journal

REFUSE = (
    "CREATE TRIGGER refuse_{0} BEFORE {0} ON gluu_changes_entry WHEN instr(NEW.line, 'odd')"
    " BEGIN SELECT RAISE(ABORT, 'odd'); END"
)


@pytest.fixture
def choosy(journal: Journal) -> Journal:
    """A journal whose database does not take what has `odd` in it."""
    with journal.engine.begin() as connection:
        for event in ("insert", "update"):
            connection.exec_driver_sql(REFUSE.format(event))
    return journal


def quarantined(journal: Journal) -> list[str]:
    """List the ids that are set aside."""
    with journal.engine.begin() as connection:
        return sorted(connection.scalars(select(QUARANTINE.c.id)))


def ids(site: Site) -> list[str]:
    """List who is told."""
    return sorted(e["@id"] for page in site.run(cursor="", count=1000) for e in page["results"])


def test_odd_ones_among_many(choosy: Journal, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """All others are written, and the cookie and the end of the first reading with them."""
    names = [f"n{i}" for i in range(200)] + ["odd1", "odd2", "odd3"]
    batch = WriteBatch(cookie="c", built=True)
    for name in sorted(names, key=lambda name: name[::-1]):
        batch.put(choosy.identity(name, {"inum": [name], "uid": ["s3cret"]}))
    assert choosy.writer.commit(batch) == 200
    assert quarantined(choosy) == ["odd1", "odd2", "odd3"]
    assert ids(site) == sorted(names[:200])
    assert choosy.writer.state().cookie == "c"
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 3
    assert not any("s3cret" in line for line in said)
    status = site.app.test_client().get("/identity/restv1/scim/UpdatedUsers/status").get_json()
    assert status["quarantined"] == 3


def test_it_is_tried_again_and_counted_once(choosy: Journal) -> None:
    """What was told last stays until the entry can be written again, or goes."""
    choosy.put("a", mail="fine")
    for _ in range(2):
        choosy.put("a", mail="odd")
        assert quarantined(choosy) == ["a"]
    slice_ = choosy.backend.read_slice(None, 10)
    assert b"fine" in slice_.entries[0]
    choosy.restart()
    choosy.put("a", mail="fine")
    assert quarantined(choosy) == []
    choosy.put("a", mail="odd")
    choosy.remove("a")
    assert quarantined(choosy) == []


def test_a_full_disk_quarantines_nobody(journal: Journal) -> None:
    """It is about the database, and not about who happens to be written."""
    with journal.engine.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalUnavailable, match="full"):
        journal.put(*(f"n{i}" for i in range(1000)))
    assert quarantined(journal) == []


class _Failing(IdentityEncoder):
    """Fails as no entry should make it fail."""

    error: Exception = RecursionError("with a s3cret value")

    def encode(self, id_: str, entry: Entry) -> object:  # type: ignore[override]
        if id_.startswith("odd"):
            raise self.error
        return super().encode(id_, entry)


def ingester(journal: Journal) -> Ingester:
    """Take events into a journal."""
    query = ChangesQuery(EVERYTHING_SINCE)
    follower = PollingFollower(MemoryBackend(), query, FollowSettings(), "a test")
    encoder = _Failing(("updatedAt",), lambda _: None, Visibility.of())
    removal_limit = RemovalLimit(journal.writer, ALL)
    return Ingester(journal.writer, encoder, follower, SnapshotProgress(), removal_limit)


def snapshot(*named: Event) -> Iterator[Event]:
    """Say who is there."""
    yield SnapshotStarted(complete=False)
    yield from named
    yield DeleteUnmentioned()
    yield Checkpoint("c", ends_snapshot=True)
    yield Heartbeat()


def test_an_entry_that_cannot_be_encoded(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """It is as one that cannot be written; and unchanged later, it does not end the continuity."""
    odd, fine = Upserted("odd", {"inum": ["odd"]}), Upserted("a", {"inum": ["a"], "uid": ["a"]})
    ingester_ = ingester(journal)
    for event in snapshot(odd, fine):
        ingester_.handle(event)
    assert quarantined(journal) == ["odd"]
    assert "s3cret" not in caplog.text
    ingester_ = ingester(journal)
    for event in snapshot(Unchanged(["odd", "a"])):
        ingester_.handle(event)
    assert quarantined(journal) == ["odd"]
    for event in snapshot(Unchanged(["a"])):
        ingester_.handle(event)
    assert quarantined(journal) == []


def test_a_store_that_fails_quarantines_nobody(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The type of an attribute may have to be asked for just then."""
    monkeypatch.setattr(_Failing, "error", BackendUnavailable("the store is gone"))
    with pytest.raises(BackendUnavailable):
        ingester(journal).handle(Upserted("odd", {"inum": ["odd"]}))


@pytest.mark.parametrize(
    ("limits", "omitted"),
    [
        (SizeLimits(value=50, entry=10_000), ["big", "many"]),
        (SizeLimits(value=1000, entry=150), ["big", "many"]),
        (SizeLimits(value=1000, entry=500), ["big"]),
        (SizeLimits(value=1000, entry=1000), []),
    ],
)
def test_what_is_beyond_the_limits(
    journal: Journal, site: Site, limits: SizeLimits, omitted: list[str]
) -> None:
    """It is left out and named, in the token forms; the other values of an attribute stay."""
    encoder = IdentityEncoder(
        ("updatedAt",), lambda _: None, Visibility.of(denied=["hidden"]), limits
    )
    entry: Entry = {
        "inum": ["1"],
        "uid": ["ann"],
        "big": ["b" * 300],
        "many": ["m" * 60, "small", "m" * 49],
        "hidden": ["h" * 2000],
        "updatedAt": ["20260101000000Z"],
    }
    batch = WriteBatch()
    batch.put(encoder.encode("1", entry))
    journal.writer.commit(batch)
    (found,) = site.page(cursor="")["results"]
    assert found.get("@omitted", []) == omitted
    assert ("big" in found) == ("big" not in omitted)
    assert found.get("many") == (["small", "m" * 49] if limits.value == 50 else found.get("many"))
    by_time = site.page(timeStamp="1970-01-01T00:00:00Z", pagesize=5)
    assert len(by_time["results"]) == 1
    assert not any(name.startswith("@") for e in by_time["results"] for name in e)


def test_nobody_is_left_out_by_a_limit_that_persons_exceed() -> None:
    """Names of persons are never left out."""
    encoder = IdentityEncoder((), lambda _: None, Visibility.of(), SizeLimits(1000, 100))
    identity = encoder.encode("1", {"inum": ["1"], "uid": ["u" * 200], "mail": ["m"]})
    assert identity.omitted == ("mail",)
    assert b"u" * 200 in identity.body
