"""A position that was stored and is broken is read anew from the start, or as it is meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.backends.ldap import ber
from flask_gluu_changes.backends.ldap.changelog.session import (
    ChangelogPosition,
    check_not_ahead,
    limited,
)
from flask_gluu_changes.backends.ldap.syncrepl.session import SyncPosition, ahead
from flask_gluu_changes.backends.ldap.syncrepl.stamps import Stamps
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import ContinuityLost, StopSignal
from flask_gluu_changes.journal.ingest.polling import PollingFollower
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.settings.journal import FollowSettings

from .budget import fuzzed
from .octets import ANYTHING, altered, json_octets

CSN = "20240501120000.000000Z#000000#001#000000"
OPENDJ = "000001a20a533104000100000001"

SYNCREPL = {"people": f"rid=000,csn={CSN}", "told": Stamps().sketch, "shape": "abc"}
CHANGELOG = {"changelog": f"o=gluu:{OPENDJ};", "shape": "abc"}
BOUNDS = st.sampled_from(
    [
        "2024-05-01T12:00:00+00:00",
        "2024-05-01T12:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2024-W01-1",
        "20240501",
    ]
)


def stored(values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Write values as they are stored, broken; a database returns them as text."""
    return json_octets(values | ANYTHING).map(lambda octets: octets.decode(errors="replace"))


@fuzzed
@given(stored(altered(SYNCREPL)))
def test_of_syncrepl(text: str) -> None:
    """What is read can be used: compared with the directory's, and with the stamps."""
    try:
        position = SyncPosition.parse(text)
    except ContinuityLost:
        return
    ahead(position.people, [CSN.encode()])
    Stamps().in_other_buckets(position.told)
    position.people.encode()
    assert SyncPosition.parse(str(position)) == position


@fuzzed
@given(stored(altered(CHANGELOG)))
def test_of_a_changelog(text: str) -> None:
    """What is read can be sent to the directory, and be compared with its own."""
    try:
        position = ChangelogPosition.parse(text)
        check_not_ahead(position.changelog, CHANGELOG["changelog"])
    except ContinuityLost:
        return
    ber.octets(position.changelog.encode())
    limited(position.changelog, {"o=gluu": {"0001": OPENDJ}})
    assert ChangelogPosition.parse(str(position)) == position


@fuzzed
@given(stored(st.lists(BOUNDS, min_size=2, max_size=2)))
def test_of_polling(text: str) -> None:
    """What is read can be polled from."""
    query = ChangesQuery(datetime(1970, 1, 1, tzinfo=UTC))
    backend = MemoryBackend([{"uid": ["a"], "inum": ["1"], "updatedAt": ["20240501120000Z"]}])
    follower = PollingFollower(backend, query, FollowSettings(), "")
    stop = StopSignal()
    stop.set()
    stop.is_set = False
    events = follower.events(text, stop)
    try:
        next(events)
    except ContinuityLost:
        pass
    finally:
        events.close()  # type: ignore[attr-defined]
        stop.close()


def test_of_this_kind_are_read() -> None:
    """Else the tests above would hold by refusing everything."""
    assert SyncPosition.parse(json.dumps(SYNCREPL)) == SyncPosition(**SYNCREPL)
    assert ChangelogPosition.parse(json.dumps(CHANGELOG)) == ChangelogPosition(**CHANGELOG)
    assert Path(__file__).exists()
