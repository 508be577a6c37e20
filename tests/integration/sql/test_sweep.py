"""A journal that follows a database by time stamps holds everybody there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_gluu_changes.testing import NOON, person
from tests.support.filling import Filler, Journal
from tests.support.relational import Relational

BEFORE_1970 = [b"19040229235959.000Z"]
LAST = [b"99991231235959.000Z"]


@pytest.mark.parametrize("times", [[], BEFORE_1970, LAST])
def test_everybody_is_in_the_journal(
    database: Relational, tmp_path: Path, times: list[bytes]
) -> None:
    """Whatever their times; who loses both is changed, and not deleted."""
    journal = Journal(tmp_path)
    database.add("1", {**person("odd"), "updatedAt": times, "oxCreationTimestamp": times})
    database.add("2", person("plain", updated=NOON))
    with Filler(journal, database.backend, FOLLOW_INTERVAL=0.02, FOLLOW_SWEEP=0.05) as filler:
        filler.until(lambda: journal.living().keys() == {"1", "2"})
        before = journal.rows()["2"].version
        database.change("2", {"updatedAt": [], "oxCreationTimestamp": []})
        filler.until(lambda: b"updatedAt" not in journal.living().get("2", b"updatedAt"))
        assert journal.living().keys() == {"1", "2"}
        database.remove("1")
        filler.until(lambda: journal.rows()["1"].removed == "deleted")
    assert journal.rows()["2"].version > before
    journal.engine.dispose()
