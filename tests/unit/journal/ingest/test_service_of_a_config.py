"""What is followed, how, and into which journal: as an application's config says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import event, select

from flask_gluu_changes import (
    AttributeType,
    BackendRefused,
    ChangesQuery,
    ConfigurationError,
)
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import (
    Event,
    Follower,
    Heartbeat,
    Upserted,
)
from flask_gluu_changes.journal.ingest import service as module
from flask_gluu_changes.journal.ingest.polling import PollingFollower
from flask_gluu_changes.journal.ingest.service import (
    begin_epoch,
    ingest_job,
    run_ingest,
)
from flask_gluu_changes.journal.tables import (
    ENTRIES,
    JournalState,
    engine_from_config,
    now,
    open_engine,
)
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.settings.journal import FollowSettings
from flask_gluu_changes.visibility import Visibility
from tests.support.stopping import Stop

from .scripted import LISTING, Script, Told, raising


def _config(folder: Path, **more: Any) -> dict[str, Any]:
    settings = {"JOURNAL_URL": f"sqlite:///{folder}/journal.db", **more}
    return {f"GLUU_CHANGES_{name}": value for name, value in settings.items()}


class Followed(MemoryBackend):
    """A backend that can be followed; it notes the query."""

    def __init__(self, script: Script) -> None:
        super().__init__(types={"Visits": AttributeType.NUMERIC})
        self.script = script
        self.queries: list[ChangesQuery] = []

    def follower(self, query: ChangesQuery) -> Follower:
        self.queries.append(query)
        return self.script


def _state(config: dict[str, Any]) -> tuple[JournalState, list[dict[str, Any]]]:
    engine = open_engine(config["GLUU_CHANGES_JOURNAL_URL"])
    with engine.begin() as connection:
        lines = [orjson.loads(line) for line in connection.scalars(select(ENTRIES.c.line))]
    state = Writer(engine).state()
    engine.dispose()
    return state, lines


def test_a_backend_is_followed_into_the_journal_of_the_config(tmp_path: Path) -> None:
    """As the settings of the application say; types come from the backend first."""
    person = {"inum": ["1"], "VISITS": ["5"], "x": ["5"], "secret": ["s"], "when": ["2024"]}
    script = Script(lambda: (LISTING[0], Upserted("a", person), LISTING[2]))
    backend = Followed(script)
    config = _config(
        tmp_path,
        DENIED_ATTRIBUTES="secret",
        TIME_ATTRIBUTES="when",
        ATTRIBUTE_TYPES={"x": "numeric", "visits": "string"},
    )
    told = Told()
    run_ingest(config, backend, Stop(1), told)
    state, lines = _state(config)
    assert (state.built, state.holder, told.started_with) == (True, "", [script])
    assert state.source == f"uuid by a test as {Settings.load(config).digest}"
    (line,) = lines
    assert {n: v for n, v in line.items() if n[0] != "@"} == {
        "inum": ["1"],
        "VISITS": [5],
        "x": [5],
        "when": ["2024"],
    }
    (query,) = backend.queries
    assert query == ChangesQuery(
        datetime(1, 1, 1, tzinfo=UTC), ("when",), None, Visibility.of(denied=["secret"]).hidden
    )


def test_a_backend_is_told_what_is_allowed() -> None:
    """It need not send what nobody may see."""
    backend = Followed(Script())
    ingest_job({"GLUU_CHANGES_ALLOWED_ATTRIBUTES": "CN"}, backend).choose()
    assert [query.attributes for query in backend.queries] == [frozenset({"cn"})]


@pytest.mark.parametrize(
    ("lease", "beat"), [({}, 5.0), ({"FOLLOW_LEASE": 6}, 2.0), ({"FOLLOW_LEASE": 60}, 5.0)]
)
def test_the_lease_leaves_time_for_three_beats(
    tmp_path: Path, lease: dict[str, float], beat: float
) -> None:
    """And a beat is never longer than five seconds."""
    stop, held = Stop(1, heartbeat_interval=99), list[int]()
    config = _config(tmp_path, **lease)

    def hold() -> Iterator[Event]:
        state, _ = _state(config)
        held.append(state.held_until - now())
        yield Heartbeat()

    run_ingest(config, Followed(Script(hold)), stop, Told())
    assert stop.heartbeat_interval == beat
    seconds = lease.get("FOLLOW_LEASE", 15)
    assert (seconds - 10) * 10**6 < held[0] <= seconds * 10**6


@pytest.fixture
def disposed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """How often an engine was disposed of."""
    noted: list[bool] = []

    def opened(config: Any) -> Any:
        engine = engine_from_config(config)
        event.listen(engine, "engine_disposed", lambda _: noted.append(True))
        return engine

    monkeypatch.setattr(module, "engine_from_config", opened)
    return noted


def test_connections_are_closed_whatever_happens(tmp_path: Path, disposed: list[bool]) -> None:
    """Whether it ends by a stop or by an error."""
    config = _config(tmp_path)
    run_ingest(config, Followed(Script()), Stop(1), Told())
    assert len(disposed) == 1
    with pytest.raises(BackendRefused):
        run_ingest(config, Followed(Script(raising(BackendRefused("no")))), Stop(1), Told())
    assert len(disposed) == 2
    begin_epoch(config)
    assert len(disposed) == 3


def test_without_a_journal_nothing_can_be_filled() -> None:
    """The text says what to do."""
    asks: list[Callable[[], None]] = [
        lambda: run_ingest({}, MemoryBackend(), Stop(1), Told()),
        lambda: begin_epoch({}),
    ]
    for ask in asks:
        with pytest.raises(ConfigurationError) as caught:
            ask()
        assert str(caught.value) == (
            "GLUU_CHANGES_JOURNAL_URL is missing; set it, e.g. sqlite:///…"
        )


def test_an_operator_begins_a_new_epoch(tmp_path: Path) -> None:
    """The lease is given back, so that the next filling starts at once."""
    config = _config(tmp_path)
    run_ingest(config, Followed(Script(lambda: LISTING)), Stop(1), Told())
    before, lines = _state(config)
    begin_epoch(config)
    after, same = _state(config)
    assert (after.epoch == before.epoch, after.built, after.holder) == (False, False, "")
    assert same == lines


def test_no_epoch_begins_while_another_process_writes(tmp_path: Path, disposed: list[bool]) -> None:
    """The text says how long that may last."""
    config = _config(tmp_path)
    begin_epoch(config)
    engine = open_engine(config["GLUU_CHANGES_JOURNAL_URL"])
    holder = Writer(engine)
    assert holder.acquire()
    before = holder.state()
    with pytest.raises(BackendRefused) as caught:
        begin_epoch(config)
    assert str(caught.value) == (
        "`flask gluu-changes follow` fills the journal; stop it first. If it was killed,"
        " its lease lasts for another GLUU_CHANGES_FOLLOW_LEASE"
    )
    assert holder.state() == before
    assert len(disposed) == 2
    engine.dispose()


def test_a_backend_that_cannot_be_followed_is_polled(tmp_path: Path) -> None:
    """At the pace of the settings, and for the reason that it gave."""
    config = _config(tmp_path, FOLLOW_INTERVAL=1, FOLLOW_LAG=2, FOLLOW_SWEEP=3, RETENTION_DAYS=4)
    backend = MemoryBackend()
    job = ingest_job(config, backend)
    follower = job.choose()
    assert isinstance(follower, PollingFollower)
    assert follower._settings == FollowSettings.load(config)
    assert follower._backend is backend
    assert follower.why == "the store has no way to tell every change"
    assert (job.retention_days, job.settings_digest) == (4, Settings.load(config).digest)


def test_what_is_asked_of_a_backend_is_what_it_is_polled_with() -> None:
    """One query for both ways."""
    config = {"GLUU_CHANGES_TIME_ATTRIBUTES": "when"}
    script = Script()
    followed = Followed(script)
    assert ingest_job(config, followed).choose() is script
    polled = ingest_job(config, MemoryBackend()).choose()
    assert isinstance(polled, PollingFollower)
    assert [polled._query] == followed.queries
    assert polled._query.time_attributes == ("when",)
