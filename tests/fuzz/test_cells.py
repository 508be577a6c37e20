"""Whatever a cell holds, an answer has everybody, and so has a journal that is filled from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.follower import Checkpoint, StopSignal
from flask_gluu_changes.journal.ingest.ingester import Ingester
from flask_gluu_changes.journal.ingest.polling import PollingFollower
from flask_gluu_changes.journal.ingest.removal_limit import ALL, RemovalLimit
from flask_gluu_changes.journal.records import EVERYTHING_SINCE, IdentityEncoder
from flask_gluu_changes.model import DEFAULT_TIME_ATTRIBUTES, ChangesQuery
from flask_gluu_changes.settings.journal import FollowSettings
from flask_gluu_changes.visibility import Visibility
from tests.integration.conftest import mariadb, postgres
from tests.support.apps import OPERATION
from tests.support.journals import Journal, memory_engine
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres
from tests.unit.journal.ingest.ingesting import Told

from . import strict
from .budget import fuzzed
from .octets import ANYTHING, FLOATS, TEXTS, json_octets, mangled

__all__ = ["mariadb", "postgres"]

# SQLAlchemy does not know every type; what it does not know is served as text
pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type")

TABLE = "people"

INSTANTS = mangled(
    st.sampled_from([b"2024-05-01 12:00:00.500", b"infinity", b"0044-03-15 BC", b"0000-00-00"]), 2
).map(lambda octets: octets.decode(errors="replace"))
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    FLOATS.map(str),
    st.sampled_from(["1e400", "9" * 60, "-0", "NaN", "1.5", "", "0x10"]),
)
DOCUMENTS = json_octets(
    st.lists(ANYTHING, max_size=3) | st.lists(ANYTHING).map(lambda v: {"v": v}) | ANYTHING
).map(lambda octets: octets.decode(errors="replace"))
PLAIN = TEXTS.map(lambda text: text.encode("utf-8", "replace").decode())
WORDS = mangled(
    st.sampled_from([b"{1,2}", b"[1,2)", b"<a>b</a>", b"10 days", b"127.0.0.1", b"(1,2)", b"a,b"]),
    1,
).map(lambda octets: octets.decode(errors="replace"))
BOOLEANS = st.sampled_from(["true", "0", "1", "x"])
HEXES = st.binary(max_size=16).map(lambda octets: octets.hex())

BY_KIND = {
    "instant": INSTANTS,
    "number": NUMBERS,
    "json": DOCUMENTS,
    "text": PLAIN,
    "word": WORDS,
    "boolean": BOOLEANS,
    "hex": HEXES,
}

POSTGRESQL = {
    "TEXT": "text",
    "JSON": "json",
    "JSONB": "json",
    "TIMESTAMP": "instant",
    "TIMESTAMPTZ": "instant",
    "DATE": "instant",
    "TIME": "instant",
    "INTERVAL": "word",
    "NUMERIC": "number",
    "FLOAT8": "number",
    "REAL": "number",
    "BIGINT": "number",
    "MONEY": "number",
    "BOOLEAN": "boolean",
    "BIT VARYING": "boolean",
    "TEXT[]": "word",
    "FLOAT8[]": "word",
    "TIMESTAMP[]": "word",
    "INT4RANGE": "word",
    "INET": "word",
    "POINT": "word",
    "TSVECTOR": "text",
    "UUID": "hex",
    "BYTEA": "text",
}
MARIADB = {
    "LONGTEXT": "text",
    "JSON": "json",
    "DATETIME(6)": "instant",
    "TIMESTAMP(6) NULL": "instant",
    "DATE": "instant",
    "TIME(6)": "instant",
    "YEAR": "number",
    "DECIMAL(65,30)": "number",
    "DOUBLE": "number",
    "FLOAT": "number",
    "BIGINT UNSIGNED": "number",
    "TINYINT": "number",
    "BIT(64)": "number",
    "SET('a','b')": "word",
    "ENUM('a','b','')": "word",
    "LONGBLOB": "text",
    "VARBINARY(40)": "hex",
    "CHAR(40)": "text",
}
SQLITE = {
    "TEXT": "text",
    "JSON": "json",
    "DATETIME": "instant",
    "DATE": "instant",
    "TIME": "instant",
    "NUMERIC": "number",
    "REAL": "number",
    "INTEGER": "number",
    "BOOLEAN": "boolean",
    "BLOB": "hex",
}


class Store:
    """A table with a column of each type, of which one person has what an example says."""

    def __init__(self, url: str, types: dict[str, str]) -> None:
        self.engine = sa.create_engine(url)
        self.quote = self.engine.dialect.identifier_preparer.quote
        self.types = types
        self.time = {"postgresql": "TIMESTAMP(3)", "mysql": "DATETIME(3)"}.get(
            self.engine.dialect.name, "DATETIME"
        )
        self._create()
        self.backend = SqlBackend(url, table=TABLE, attributes_table="")
        self.app = Flask("cells")
        self.app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
        self.app.config["GLUU_CHANGES_SQL_TABLE"] = TABLE
        GluuChanges(self.app, backend=self.backend)

    def _create(self) -> None:
        q = self.quote
        names = {f"{q('uid')} VARCHAR(40)", f"{q('inum')} VARCHAR(40)"}
        times = {f"{q(name)} {self.time}" for name in DEFAULT_TIME_ATTRIBUTES}
        columns = [f"{q(self.name(kind))} {kind}" for kind in self.types]
        with self.engine.begin() as connection:
            run = connection.exec_driver_sql
            run(f"CREATE TABLE {q(TABLE)} ({', '.join([*names, *times, *columns])})")
            head = f"INSERT INTO {q(TABLE)} ({q('uid')}, {q('inum')}, {q('updatedAt')}) VALUES"
            run(f"{head} ('odd', '1', '2024-05-01 12:00:00'), ('ann', '2', '2024-05-01 12:00:00')")

    def name(self, kind: str) -> str:
        """Name the column of a type."""
        return f"c{[*self.types].index(kind)}"

    def set(self, cells: dict[str, Any], more: dict[str, Any]) -> None:
        """Give the odd person these cells; those that the database refuses stay empty."""
        nothing = {self.name(kind): None for kind in self.types}
        plain = {**nothing, "uid": "odd", "updatedAt": "2024-05-01 12:00:00"}
        odd = {**{self.name(kind): value for kind, value in cells.items()}, **more}
        if not self._update({**plain, **odd}):
            self._update(plain)
            for name, value in odd.items():
                self._update({name: value})

    def _update(self, cells: dict[str, Any]) -> bool:
        pairs = ", ".join(f"{self.quote(name)} = {self._cast(name)}" for name in cells)
        text = f"UPDATE {self.quote(TABLE)} SET {pairs} WHERE {self.quote('inum')} = '1'"
        names = {f"v_{name}": value for name, value in cells.items()}
        try:
            with self.engine.begin() as connection:
                connection.execute(sa.text(text), names)
        except (DBAPIError, ValueError, OverflowError):
            return False
        return True

    def _cast(self, name: str) -> str:
        if self.engine.dialect.name != "postgresql":
            return f":v_{name}"
        kind = next((k for k in self.types if self.name(k) == name), self.time)
        return f"CAST(CAST(:v_{name} AS TEXT) AS {kind})"

    def close(self) -> None:
        """Leave nothing behind."""
        self.backend.close()
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE {self.quote(TABLE)}")
        self.engine.dispose()


def cells(types: dict[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw values for some columns."""
    return st.fixed_dictionaries({}, optional={t: BY_KIND[kind] for t, kind in types.items()})


def check(store: Store) -> None:
    """Both persons are there, in an answer and in a journal, as every reader can read it."""
    query = {"timeStamp": "1000-01-01T00:00:00Z", "pagesize": "10"}
    answer = store.app.test_client().get(OPERATION, query_string=query)
    assert answer.status_code == 200, answer.text
    assert {"ann"} <= {uid for e in strict.read(answer.data)["results"] for uid in e.get("uid", ())}
    journal = Journal(memory_engine(), built=False)
    follower = PollingFollower(
        store.backend, ChangesQuery(EVERYTHING_SINCE), FollowSettings(), "it is a table"
    )
    encoder = IdentityEncoder(
        DEFAULT_TIME_ATTRIBUTES, store.backend.attribute_type, Visibility.of()
    )
    removal_limit = RemovalLimit(journal.writer, ALL)
    ingester = Ingester(journal.writer, encoder, follower, Told(), removal_limit)
    with closing(StopSignal()) as stop:
        for event in follower.events("", stop):
            ingester.handle(event)
            if isinstance(event, Checkpoint):
                break
    lines = journal.backend.read_slice(None, 10).entries
    assert {strict.read(line)["@id"] for line in lines} >= {"2"}
    assert len(lines) + journal.backend.status().quarantined == 2
    journal.backend.close()
    journal.engine.dispose()


@pytest.fixture(scope="module")
def in_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A table in a file."""
    folder: Path = tmp_path_factory.mktemp("cells")
    with closing(Store(f"sqlite:///{folder}/people.db", SQLITE)) as store:
        yield store


@pytest.fixture(scope="module")
def in_postgres(postgres: Postgres) -> Iterator[Store]:
    """A table in PostgreSQL."""
    with closing(Store(postgres.url, POSTGRESQL)) as store:
        yield store


@pytest.fixture(scope="module")
def in_mariadb(mariadb: MariaDb) -> Iterator[Store]:
    """A table in MariaDB, which takes what is cut or out of range."""
    with closing(Store(f"{mariadb.url}?sql_mode=ALLOW_INVALID_DATES", MARIADB)) as store:
        yield store


FREE = st.one_of(
    st.integers(-(2**63), 2**63 - 1), FLOATS, PLAIN, st.binary(max_size=12), st.none(), INSTANTS
)
"""SQLite keeps any value in any column."""

ANYWHERE = st.dictionaries(
    st.sampled_from(["updatedAt", "oxCreationTimestamp", "uid", *(f"c{n}" for n in range(10))]),
    FREE,
    max_size=4,
)


@fuzzed
@given(cells(SQLITE), ANYWHERE, st.none() | st.sampled_from(["uid", "c0", "c1", "updatedAt"]))
def test_sqlite(in_sqlite: Store, odd: Any, anywhere: Any, undecodable: str | None) -> None:
    """Which keeps anything anywhere, also text that is no UTF-8."""
    in_sqlite.set(odd, anywhere)
    if undecodable:
        with in_sqlite.engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE {TABLE} SET {undecodable} = CAST(x'41ff00' AS TEXT) WHERE inum = '1'"
            )
    check(in_sqlite)


@fuzzed
@given(cells(POSTGRESQL))
def test_postgresql(in_postgres: Store, odd: Any) -> None:
    """Of each type, as far as it takes them."""
    in_postgres.set(odd, {})
    check(in_postgres)


@fuzzed
@given(cells(MARIADB))
def test_mariadb(in_mariadb: Store, odd: Any) -> None:
    """Of each type, as far as it takes them."""
    in_mariadb.set(odd, {})
    check(in_mariadb)
