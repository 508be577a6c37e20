"""What was written of any content is read back as the same, so that no row seems to be edited."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from flask_gluu_changes.client import Change
from flask_gluu_changes.sync.altered import altered_rows
from flask_gluu_changes.sync.database import IN_MEMORY, Database
from flask_gluu_changes.sync.outcome import Outcome
from flask_gluu_changes.sync.run import Job, Rules
from flask_gluu_changes.sync.state import State
from flask_gluu_changes.sync.table_sink import TableSink
from flask_gluu_changes.sync.tables import people_table
from tests.support.told import Told

TABLE = "people"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
VALUES = st.recursive(
    TEXTS | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
CONTENTS = st.dictionaries(TEXTS, st.lists(VALUES, max_size=3), max_size=3)


@pytest.fixture(scope="module", params=["sqlite", "postgres", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database of each kind, with the tables of a replica in it."""
    url = IN_MEMORY
    if request.param != "sqlite":
        url = request.getfixturevalue(request.param).url
    with closing(Database(url, TABLE).open()) as opened:
        yield opened
        with opened.transaction() as connection:
            for name in ("", "_sync_state", "_sync_index", "_sync_aside", "_sync_held"):
                connection.execute(text(f"DROP TABLE IF EXISTS {TABLE}{name}"))


@settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(contents=st.lists(CONTENTS, min_size=1, max_size=10))
def test_no_content_seems_to_be_edited(database: Database, contents: list[dict[str, Any]]) -> None:
    """Not even by a database that has a type of its own for JSON."""
    state = State(database, f"{TABLE}_sync")
    state.prepare()
    sink = TableSink(database, TABLE, "delete")
    sink.prepare()
    source = Told()
    source.full = True
    source.changes = [
        Change(f"{number}", 1, "created", "i", content) for number, content in enumerate(contents)
    ]
    Job(source, state, [sink], Rules()).run(Outcome())
    assert [*altered_rows(state, people_table(TABLE), ())] == []
    with database.transaction() as connection:
        connection.execute(text(f"UPDATE {TABLE} SET inum = 'j' WHERE id = '0'"))
    assert [*altered_rows(state, people_table(TABLE), ())] == ["0"]
    assert [*altered_rows(state, people_table(TABLE), {"0"})] == []
    with database.transaction() as connection:
        connection.execute(text(f"UPDATE {TABLE} SET inum = 'i' WHERE id = '0'"))
