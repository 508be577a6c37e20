"""An entry whose name is no text stops nobody for longer than until it is renamed."""

from __future__ import annotations

import pytest

from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.testing import LONG_AGO, person
from tests.support.directory import dn_of
from tests.support.filling import Journal
from tests.support.followed import People, filled

HALF = "\\ED\\A0\\80"
"""Half of a surrogate pair, which slapd takes for UTF-8."""


def test_everything_waits_for_its_new_name(
    people: People, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """python-ldap cannot read it; the log says what to do, and the rest is done by itself."""
    people.add("1", person("ann"))
    people.add("2", person("bob"))
    branch = dn_of("1").partition(",")[2]
    people.admin.rename_s(dn_of("2"), f"cn={HALF}", delold=0)
    with pytest.raises(BackendUnavailable, match="not UTF-8"):
        [*people.backend.changes(ChangesQuery(LONG_AGO))]
    with filled(journal, people) as filler:
        filler.until(lambda: "not UTF-8" in caplog.text)
        assert not journal.state().built
        people.admin.rename_s(f"cn={HALF},{branch}", "inum=2", delold=1)
        filler.until(lambda: journal.living().keys() == {"1", "2"})
