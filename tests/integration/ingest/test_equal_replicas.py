"""One history, followed exactly and by time stamps, gives the same people in the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_gluu_changes.backend import Backend
from flask_gluu_changes.model import ChangesQuery, Entry
from flask_gluu_changes.values import AttributeType
from tests.support.filling import Filler, Journal
from tests.support.followed import People
from tests.support.history import History


class AskedOnly(Backend):
    """A backend that can only be asked who changed since a time."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        return self._backend.changes(query)

    def attribute_type(self, name: str) -> AttributeType | None:
        return self._backend.attribute_type(name)


@pytest.mark.parametrize("seed", ["7", "8"])
def test_exact_and_lagging_agree(people: People, tmp_path: Path, seed: str) -> None:
    """The people, their bodies, and who was removed for whoever saw them."""
    journals = {}
    for name in ("exact", "lagging"):
        (tmp_path / name).mkdir()
        journals[name] = Journal(tmp_path / name)
    exact, lagging = journals["exact"], journals["lagging"]
    history = History(people.admin, seed, [])
    off: dict[str, Any] = {"FOLLOW_MAX_REMOVALS": 1}
    pace = {"FOLLOW_INTERVAL": 0.01, "FOLLOW_LAG": 1, "FOLLOW_SWEEP": 0.05, **off}
    with (
        Filler(exact, people.backend, **off) as first,
        Filler(lagging, AskedOnly(people.backend), **pace) as second,
    ):
        for _ in range(300):
            history.step()
        people.add(
            "last",
            {
                "uid": [b"last"],
                "cn": [b"last"],
                "sn": [b"last"],
                "oxCreationTimestamp": [b"20240501120000Z"],
            },
        )
        first.until(lambda: "last" in exact.living())
        second.until(lambda: lagging.living() == exact.living())
    gone = {inum for inum, row in lagging.rows().items() if row.removed}
    assert gone <= {inum for inum, row in exact.rows().items() if row.removed} | renamed(
        exact, lagging
    )
    for journal in journals.values():
        journal.engine.dispose()


def renamed(exact: Journal, lagging: Journal) -> set[str]:
    """Name the inums that a rename ended: by inum that is a removal, by entryUUID it is none."""
    return lagging.rows().keys() - exact.rows().keys()
