"""The service holds the lease, follows, tries again, begins anew, and gives the lease back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import event, select, update

from flask_gluu_changes import (
    AttributeType,
    BackendRefused,
    BackendUnavailable,
    ChangesQuery,
    ConfigurationError,
)
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import (
    Checkpoint,
    ContinuityLost,
    Event,
    Follower,
    Heartbeat,
    SnapshotProgress,
    SnapshotStarted,
    StopSignal,
    Upserted,
)
from flask_gluu_changes.journal.ingest import service as module
from flask_gluu_changes.journal.ingest.polling import PollingFollower
from flask_gluu_changes.journal.ingest.service import (
    IngestJob,
    IngestService,
    begin_epoch,
    ingest_job,
    run_ingest,
)
from flask_gluu_changes.journal.records import IdentityEncoder
from flask_gluu_changes.journal.tables import (
    ENTRIES,
    STATE,
    JournalState,
    engine_from_config,
    now,
    open_engine,
)
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.model import NEVER_SHOWN, Visibility
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.settings.journal import FollowSettings
from tests.support.journals import Journal, memory_engine

from .stopping import Stop

DAY = 86_400 * 10**6
LATE = 2**62
NAME = "flask_gluu_changes.journal.ingest.service"

Step = Callable[[], Iterable[Event]]


class Script:
    """A follower that does in each try what the next step says; afterwards it is quiet."""

    source, level, why = "uuid by a test", "exact", "it is scripted"

    def __init__(self, *steps: Step) -> None:
        self._steps = iter(steps)
        self.cookies: list[str] = []
        self.closed = 0

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Do the next step."""
        self.cookies.append(cookie)
        try:
            yield from next(self._steps, lambda: ())()
            stop.wait(0)
        finally:
            self.closed += 1

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Name nobody."""
        return set()

    def count(self) -> int | None:
        """Leave it open."""
        return None


class Told(SnapshotProgress):
    """Counts the listings that it hears of."""

    def __init__(self) -> None:
        self.started_with: list[Follower] = []

    def started(self, follower: Follower) -> None:
        self.started_with.append(follower)


class World:
    """A service with a scripted follower."""

    def __init__(self, *steps: Step, stop: int = 1, built: bool = True) -> None:
        self.journal = Journal(memory_engine(), built=built)
        self.journal.writer.release()
        self.stop = Stop(stop)
        self.follower = Script(*steps)
        self.progress = Told()
        self.writer = Writer(self.journal.engine)
        encoder = IdentityEncoder((), lambda name: AttributeType.STRING, Visibility.of())
        job = IngestJob(lambda: self.follower, encoder, "digest", 30)
        self.service = IngestService(self.writer, job, self.progress)

    def run(self) -> JournalState:
        """Run to the end; return the journal's state."""
        self.service.run(self.stop)
        return self.state()

    def state(self) -> JournalState:
        """Read the journal's state."""
        return self.journal.writer.state()

    def set(self, **values: Any) -> None:
        """Change the journal's state."""
        with self.journal.engine.begin() as connection:
            connection.execute(update(STATE).values(values))


def _raising(error: Exception, *before: Event) -> Step:
    def step() -> Iterator[Event]:
        yield from before
        raise error

    return step


LISTING: tuple[Event, ...] = (
    SnapshotStarted(complete=True),
    Upserted("a", {"inum": ["1"]}),
    Checkpoint("c1", ends_snapshot=True),
)


def test_what_is_followed_is_written_and_the_lease_given_back() -> None:
    """The journal says who and how."""
    world = World(lambda: LISTING)
    state = world.run()
    assert (state.source, state.level) == ("uuid by a test as digest", "exact")
    assert (state.why, state.cookie, state.head) == ("it is scripted", "c1", 1)
    assert (state.holder, world.follower.closed) == ("", 1)


def test_following_goes_on_from_the_saved_cookie() -> None:
    """Again and again, until the stop."""
    world = World(lambda: LISTING, lambda: (Checkpoint("c2"), Heartbeat()), stop=3)
    world.run()
    assert world.follower.cookies == ["", "c1", "c2"]


def test_after_a_stop_nothing_is_followed() -> None:
    """The lease is not even taken."""
    world = World()
    world.stop.is_set = True
    world.run()
    assert world.follower.cookies == []


def test_only_the_first_reading_is_watched() -> None:
    """Later ones are nobody's business."""
    world = World(lambda: LISTING, lambda: LISTING, stop=2, built=False)
    world.run()
    assert world.progress.started_with == [world.follower]


def test_while_another_holds_the_lease_it_waits(caplog: pytest.LogCaptureFixture) -> None:
    """The log says so once; a beat later, but within a second, it asks again."""
    caplog.set_level(logging.INFO)
    world = World(stop=6)
    world.set(holder="another", held_until=LATE)

    def other_leaves() -> None:
        if len(world.stop.waits) == 2:
            world.set(holder="")
        if len(world.stop.waits) == 3:
            world.set(holder="another", held_until=LATE)

    world.stop.during = other_leaves
    world.run()
    assert world.stop.waits == [1.0, 1.0, 0, 1.0, 1.0, 1.0]
    assert world.follower.cookies == [""]
    text = "another process fills the journal; this one waits to take over"
    assert caplog.record_tuples == [(NAME, logging.INFO, text)] * 2
    assert world.state().holder == "another"


def test_a_short_beat_makes_it_ask_sooner() -> None:
    """It is what the lease leaves time for."""
    world = World(stop=1)
    world.stop.heartbeat_interval = 0.25
    world.set(holder="another", held_until=LATE)
    world.run()
    assert world.stop.waits == [0.25]


def test_a_lost_lease_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """The journal is the other one's; this one waits."""
    world = World(stop=1)

    def overtaken() -> Iterator[Event]:
        world.set(holder="another", held_until=LATE)
        yield Upserted("a", {"inum": ["1"]})
        yield Heartbeat()

    world.follower = Script(overtaken)
    assert world.run().head == 0
    assert world.follower.closed == 1
    assert caplog.record_tuples == [
        (NAME, logging.WARNING, "another process follows the source now; this one ends")
    ]


def test_lost_continuity_begins_a_new_epoch(caplog: pytest.LogCaptureFixture) -> None:
    """And the source is read anew at once."""
    world = World(lambda: LISTING, _raising(ContinuityLost("the log was cut")), stop=2)
    before = world.state().epoch
    state = world.run()
    assert (state.epoch == before, state.built, state.cookie) == (False, False, "")
    assert world.follower.cookies == ["", "c1", ""]
    assert caplog.record_tuples == [(NAME, logging.WARNING, "a new epoch begins: the log was cut")]


def test_a_source_that_is_down_is_tried_again_ever_more_rarely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At first after a tenth of a second, at last every five."""
    down = _raising(BackendUnavailable("no server"))
    world = World(*[down] * 8, stop=8)
    world.run()
    assert world.stop.waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert caplog.record_tuples[0] == (
        NAME,
        logging.WARNING,
        "no server; trying again in 0.1 s",
    )
    assert caplog.messages[-1] == "no server; trying again in 5.0 s"


@pytest.mark.parametrize(
    ("events", "waits"),
    [
        ((Checkpoint("c"),), [0.1, 0.2, 0.1, 0.2]),
        ((Heartbeat(),), [0.1, 0.2, 0.1, 0.2]),
        ((SnapshotStarted(complete=True),), [0.1, 0.2, 0.4, 0.8]),
        ((Upserted("a", {"inum": ["1"]}),), [0.1, 0.2, 0.4, 0.8]),
    ],
)
def test_progress_makes_the_next_try_a_quick_one(
    events: tuple[Event, ...], waits: list[float]
) -> None:
    """A listing that begins is none: it may break off for ever."""
    error = BackendUnavailable("no server")
    steps = [_raising(error), _raising(error), _raising(error, *events), _raising(error)]
    world = World(*steps, stop=4)
    world.run()
    assert world.stop.waits == waits


def test_what_an_operator_must_mend_ends_it() -> None:
    """The lease is given back all the same."""
    world = World(_raising(BackendRefused("no rights")))
    with pytest.raises(BackendRefused, match="no rights"):
        world.run()
    assert (world.state().holder, world.follower.closed) == ("", 1)


def test_old_removals_are_pruned_in_quiet_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first one, and then every ten minutes."""
    clock, pruned = [1000.0], list[int]()
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])

    def quiet() -> Iterator[Event]:
        yield Checkpoint("c")
        assert pruned == []
        for seconds, times in ((0.0, 1), (599.9, 1), (600.0, 2), (1199.9, 2), (1200.0, 3)):
            clock[0] = 1000.0 + seconds
            yield Heartbeat()
            yield Checkpoint("c")
            assert len(pruned) == times

    world = World(quiet)
    monkeypatch.setattr(world.writer, "prune", pruned.append)
    before = now()
    world.run()
    assert all(before <= at + 30 * DAY <= now() for at in pruned)
    assert len(pruned) == 3


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
        datetime(1, 1, 1, tzinfo=UTC), ("when",), None, NEVER_SHOWN | {"secret"}
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
        run_ingest(config, Followed(Script(_raising(BackendRefused("no")))), Stop(1), Told())
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
