"""A pooler that changes the session between two transactions: pgbouncer, and what it may do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from flask_gluu_changes import ChangesQuery
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.tables import METADATA, open_engine
from flask_gluu_changes.testing import LONG_AGO, person
from tests.support.filling import Filler
from tests.support.filling import Journal as Followed
from tests.support.journal_site import Site, shown
from tests.support.journals import Journal
from tests.support.memory_people import MemoryPeople
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import Postgres

FAST: dict[str, Any] = {"FOLLOW_INTERVAL": 0.02, "FOLLOW_SWEEP": 0.05}


def forget(raw: Any, *_: object) -> None:
    """Do behind the driver's back what comes with another session."""
    raw.pgconn.exec_(b"DEALLOCATE ALL")


def forgetting(engine: Engine) -> Engine:
    """Forget all prepared statements whenever a connection is taken."""
    event.listen(engine, "checkout", forget)
    return engine


def test_statements_that_a_session_forgot(postgres: Postgres) -> None:
    """Neither the writer nor the reader needs any."""
    engine, other = open_engine(postgres.url), open_engine(postgres.url)
    journal, reader = Journal(forgetting(engine)), JournalBackend(other)
    try:
        for number in range(20):
            journal.put(f"n{number}")
        forgetting(other)
        position = reader.latest()
        for _ in range(20):
            assert len(reader.read_slice(None, 5).entries) == 5
            assert reader.latest() == position
    finally:
        reader.close()
        METADATA.drop_all(engine)
        journal.backend.close()


class Pooled:
    """A journal that is filled and read through a pooler."""

    def __init__(self, folder: Path, url: str) -> None:
        self.followed = Followed(folder, url)
        self.backend = JournalBackend(url)

    def close(self) -> None:
        """Leave the database as it was."""
        self.backend.close()
        METADATA.drop_all(self.followed.engine)
        self.followed.engine.dispose()


def test_a_journal_behind_pgbouncer_is_filled_and_served(
    tmp_path: Path, postgres: Postgres
) -> None:
    """Transactions are pooled in fewer sessions than ask; another `follow` takes over."""
    people = MemoryPeople()
    for number in range(50):
        people.add(str(number), person(f"uid{number}"))
    with PgBouncer(postgres) as pooler, closing(Pooled(tmp_path, pooler.url)) as pooled:
        with Filler(pooled.followed, people.backend, **FAST) as filler:
            filler.built()
            _read_at_once(pooled.backend, Site(pooled), lambda: people.add("new", person("new")))
        with Filler(pooled.followed, people.backend, **FAST) as filler:
            people.remove("new")
            filler.until(lambda: "new" not in pooled.followed.living())


def _read_at_once(backend: JournalBackend, site: Site, change: Callable[[], None]) -> None:
    """Read everybody many times at once, while two wait for a change."""
    token = site.full(count=7)
    with ThreadPoolExecutor(8) as threads:
        wait = ({"Prefer": "wait=20"},)
        waits = [threads.submit(site.page, *wait, deltaToken=token) for _ in range(2)]
        reads = [threads.submit(_everybody, backend) for _ in range(20)]
        assert {len(read.result()) for read in reads} == {50}
        change()
        assert [shown([one.result()]) for one in waits] == [["new"]] * 2


def _everybody(backend: JournalBackend) -> list[Any]:
    return [*backend.changes(ChangesQuery(LONG_AGO, everybody=True))]
