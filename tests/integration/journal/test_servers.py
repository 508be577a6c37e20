"""A journal in a server, which may go and come."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, event

from flask_gluu_changes import BackendUnavailable
from flask_gluu_changes.journal.reader import JournalReader
from flask_gluu_changes.journal.tables import METADATA, open_engine
from flask_gluu_changes.journal.writer import Writer
from tests.support.journal_site import Site
from tests.support.journals import Journal
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres

SERVERS = pytest.mark.parametrize("server", [Postgres, MariaDb])


@SERVERS
def test_a_server_that_goes_and_comes_costs_no_restart(
    server: type[Postgres | MariaDb], caplog: pytest.LogCaptureFixture
) -> None:
    """Stopped it is a 503 for every form, started again a 200."""
    with server() as running:
        journal = Journal(open_engine(running.url))
        journal.put("a")
        site = Site(journal)
        token = site.full()
        by_time = {"timeStamp": "2020-01-01T00:00:00Z", "pagesize": 5}
        forms: list[dict[str, Any]] = [{"cursor": ""}, {"deltaToken": token}, by_time]
        for _ in range(2):
            running.stop()
            answers = [site.get(**form) for form in forms]
            assert {(a.status_code, "Retry-After" in a.headers) for a in answers} == {(503, True)}
            with pytest.raises(BackendUnavailable):
                JournalReader(journal.engine).head()
            running.start()
            assert {site.get(**form).status_code for form in forms} == {200}
        journal.backend.close()
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("engine", ["postgres", "mariadb"], indirect=True)
@pytest.mark.parametrize("statement", ["CREATE TABLE", "INSERT INTO gluu_changes_state"])
def test_two_who_make_a_journal_at_once(engine: Engine, statement: str) -> None:
    """The second one, who finds it made between two of its statements, waits for the lease."""
    METADATA.drop_all(engine)
    other = open_engine(engine.url.render_as_string(hide_password=False))
    taken: list[bool] = []

    def overtake(_: object, __: object, sent: str, *___: object) -> None:
        if sent.strip().startswith(statement) and not taken:
            taken.append(Writer(other).acquire())

    event.listen(engine, "before_cursor_execute", overtake)
    try:
        taken.append(Writer(engine).acquire())
    finally:
        event.remove(engine, "before_cursor_execute", overtake)
        other.dispose()
    assert taken == [True, False]
