"""What the service asks of a source beforehand, what limits it sets, and what it says of itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest
from sqlalchemy import select

from flask_gluu_changes import ChangesQuery
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.follower import Checkpoint, Event, Heartbeat, Upserted
from flask_gluu_changes.journal.ingest.report import Activity
from flask_gluu_changes.journal.ingest.service import ingest_job
from flask_gluu_changes.journal.tables import ENTRIES
from flask_gluu_changes.model import Entry
from flask_gluu_changes.visibility import Visibility

from .scripted import LISTING, World, raising

NAME = "flask_gluu_changes.journal.ingest.service"
REPORT = "flask_gluu_changes.journal.ingest.report"
FILLS = "this process fills the journal now, at the level exact: it is scripted"


class Asked(MemoryBackend):
    """Notes the queries, and how many entries were taken of the answers."""

    def __init__(self, *entries: Entry) -> None:
        super().__init__(entries)
        self.queries: list[ChangesQuery] = []
        self.taken = 0

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        self.queries.append(query)
        for entry in self.entries:
            self.taken += 1
            yield entry


def test_a_source_is_asked_for_nobody_in_the_words_for_everybody() -> None:
    """The time is the last year there is; else the query is the one to follow with."""
    backend = Asked()
    config = {"GLUU_CHANGES_TIME_ATTRIBUTES": "when", "GLUU_CHANGES_DENIED_ATTRIBUTES": "secret"}
    ingest_job(config, backend).check()
    never = datetime(9999, 1, 1, tzinfo=UTC)
    hidden = Visibility.of(denied=["secret"]).hidden
    assert backend.queries == [ChangesQuery(never, ("when",), None, hidden)]


def test_of_an_answer_for_nobody_no_more_than_the_first_entry_is_read() -> None:
    """A backend that does not look at the time would send everybody."""
    backend = Asked({"inum": ["1"]}, {"inum": ["2"]})
    ingest_job({}, backend).check()
    assert backend.taken == 1


def test_a_source_that_is_known_is_not_asked_again() -> None:
    """The check is for what would make every token void."""
    world = World(lambda: LISTING, lambda: (Checkpoint("c2"),), stop=2)
    world.run()
    assert world.checks == 1


@pytest.mark.parametrize(
    ("name", "omitted"),
    [("MAX_VALUE_OCTETS", ["large"]), ("MAX_ENTRY_OCTETS", ["large", "small"])],
)
def test_the_limits_of_size_are_those_of_the_config(name: str, omitted: list[str]) -> None:
    """Of a value and of an entry, each by its own name."""
    config = {"GLUU_CHANGES_MAX_VALUE_OCTETS": 10**6, "GLUU_CHANGES_MAX_ENTRY_OCTETS": 10**6}
    job = ingest_job({**config, f"GLUU_CHANGES_{name}": 1024}, MemoryBackend())
    entry: Entry = {"inum": ["1"], "large": ["x" * 1025], "small": ["x" * 1024]}
    assert [*job.encoder.encode("a", entry).omitted] == omitted


def test_an_entry_is_kept_within_what_the_database_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is asked before the first entry is read."""

    def events() -> Iterator[Event]:
        yield Upserted("a", {"inum": ["1"], "mail": ["m" * 1000]})
        yield Heartbeat()

    world = World(events)
    monkeypatch.setattr(world.writer, "largest_entry", lambda: 100)
    world.run()
    with world.journal.engine.begin() as connection:
        (line,) = connection.scalars(select(ENTRIES.c.line))
    assert orjson.loads(line)["@omitted"] == ["mail"]


def test_the_level_is_said_when_it_is_another(caplog: pytest.LogCaptureFixture) -> None:
    """And once, however often following begins anew."""
    caplog.set_level(logging.INFO, NAME)
    world = World(lambda: LISTING, lambda: (), lambda: (), stop=3)

    def degrade() -> None:
        world.follower.why = "it broke" if len(world.stop.waits) > 1 else world.follower.why

    world.stop.during = degrade
    world.run()
    said = [m for name, _, m in caplog.record_tuples if name == NAME and "the level" in m]
    assert said == [FILLS, FILLS.replace("it is scripted", "it broke")]


def test_an_outage_is_over_when_another_process_fills_the_journal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The database answers: there is nothing to wait for but the lease."""
    caplog.set_level(logging.INFO)
    world = World(raising(BackendUnavailable("no server")), stop=2)
    world.stop.during = lambda: world.set(holder="another", held_until=2**62)
    world.run()
    assert world.stop.waits == [0.1, 1.0]
    assert [message for name, _, message in caplog.record_tuples if name == REPORT] == [
        "no server; waiting for it since 0 s",
        "it goes on, after 0 s",
    ]


def test_what_was_written_is_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change once, in quiet moments."""
    noted: list[int] = []
    world = World(lambda: (*LISTING, Heartbeat(), Heartbeat()))
    monkeypatch.setattr(Activity, "note", lambda _, changes: noted.append(changes))
    world.run()
    assert noted == [1, 0]
