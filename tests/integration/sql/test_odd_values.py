"""Values that no reader can take are served as text, and never fail an answer of others."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_gluu_changes import ChangesQuery
from flask_gluu_changes.testing import LONG_AGO, NOON, person
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres
from tests.support.relational import Relational

from .test_doctor import examine
from .test_faults import PATH, client_of

NUMBER = "1" * 5000


@pytest.fixture
def in_postgres(postgres: Postgres) -> Iterator[Relational]:
    """Two people in PostgreSQL, of whom the first gets odd values."""
    with closing(Relational(sa.create_engine(postgres.url))) as database:
        database.add("1", person("odd", updated=NOON))
        database.add("2", person("plain", updated=NOON))
        yield database


def set_odd(database: Relational, name: str, value: str, kind: str = "") -> None:
    """Set an attribute of the first person to an SQL expression, in a column of a type."""
    column = database.quoted(name)
    table = database.quoted("gluuPerson")
    if kind:
        database.run(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}")
        database.run(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    with database.engine.begin() as connection:
        doc_id = database.quoted("doc_id")
        connection.exec_driver_sql(f"UPDATE {table} SET {column} = {value} WHERE {doc_id} = '1'")
    database.engine.dispose()


def shown(database: Relational, name: str) -> list[object]:
    """Give the odd person's values of an attribute; the other person must be there, too."""
    answer = client_of(database.backend).get(PATH)
    assert answer.status_code == 200, answer.text
    odd, plain = json.loads(answer.data)["results"]
    assert (odd["uid"], plain["uid"]) == (["odd"], ["plain"])
    assert plain["updatedAt"] == ["2024-05-01T12:00:00.500Z"]
    return odd.get(name)  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ"])
@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("0044-03-15 12:00:00 BC", "0044-03-15 12:00:00 BC"),
        ("12024-05-01 12:00:00", "12024-05-01 12:00:00"),
        ("2024-05-01 12:00:00.25", "2024-05-01T12:00:00.250Z"),
    ],
)
def test_times_of_postgresql(in_postgres: Relational, kind: str, time: str, text: str) -> None:
    """It holds times that Python cannot."""
    set_odd(in_postgres, "oxLastLogonTime", f"'{time}'", kind)
    (value,) = shown(in_postgres, "oxLastLogonTime")
    assert str(value).removesuffix("+00").replace("+00 BC", " BC") == text


@pytest.mark.parametrize("time", ["infinity", "12024-05-01 12:00:00"])
def test_a_time_attribute_that_is_no_time(in_postgres: Relational, time: str) -> None:
    """Whoever has it comes with every answer; latestUpdateAt is that of the others."""
    set_odd(in_postgres, "updatedAt", f"'{time}'")
    assert shown(in_postgres, "updatedAt") == [time]
    page = client_of(in_postgres.backend).get(PATH).json
    assert page["latestUpdateAt"] == "2024-05-01T12:00:00.500Z"  # type: ignore[index]
    for _ in range(2):
        later = ChangesQuery(NOON.replace(year=2030))
        assert [entry["inum"] for entry in in_postgres.backend.changes(later)] == [("1",)]
    report = examine(in_postgres.backend).output
    assert "updatedAt of 1 people lies in the future, by more than 7000 years" in report


@pytest.mark.parametrize("time", ["-infinity", "0044-03-15 12:00:00 BC"])
def test_everybody_is_everybody_in_postgresql(in_postgres: Relational, time: str) -> None:
    """Times before all others hide nobody from the sweep of a follower."""
    set_odd(in_postgres, "updatedAt", f"'{time}'")
    set_odd(in_postgres, "oxCreationTimestamp", f"'{time}'")
    everybody = ChangesQuery(LONG_AGO, everybody=True)
    assert {str(entry["inum"][0]) for entry in in_postgres.backend.changes(everybody)} == {"1", "2"}


@pytest.mark.parametrize(
    ("kind", "value", "values"),
    [
        ("DATE", "'infinity'", ["infinity"]),
        ("DATE", "'2024-05-01'", ["2024-05-01"]),
        ("DATE", "'0044-03-15 BC'", ["0044-03-15 BC"]),
        ("TIME", "'24:00'", ["24:00:00"]),
        ("INTERVAL", "'178000000 years'", ["178000000 years"]),
        ("NUMERIC", "'NaN'", ["NaN"]),
        ("NUMERIC", NUMBER, [NUMBER]),
        ("DOUBLE PRECISION", "'-Infinity'", ["-inf"]),
        ("JSONB", f"'[{NUMBER}, 7, 1.50]'", [NUMBER, 7, "1.50"]),
        ("JSON", f"'{{\"v\": [{NUMBER}]}}'", [NUMBER]),
        ("JSON", "'[\"\\ud800\"]'", ["?"]),
        ("TIMESTAMP[]", "'{infinity,2024-05-01 12:00}'", ["infinity", "2024-05-01T12:00:00Z"]),
        ("DATE[]", "'{infinity}'", ["infinity"]),
        (
            "UUID[]",
            "'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'",
            ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
        ),
        ("INT4RANGE", "'[1,3)'", ["[1,3)"]),
        ("TSRANGE", "'[,infinity]'", ["(,infinity]"]),
        ("INET", "'10.0.0.1'", ["10.0.0.1"]),
    ],
)
def test_values_of_postgresql(
    in_postgres: Relational, kind: str, value: str, values: list[object]
) -> None:
    """Of every type, also where its driver refuses them or would lose digits."""
    set_odd(in_postgres, "odd", value, kind)
    assert shown(in_postgres, "odd") == values


def test_text_of_a_database_without_encoding(postgres: Postgres) -> None:
    """PostgreSQL's SQL_ASCII holds any octets: what is UTF-8 is text, all else is base64."""
    with postgres.connect() as connection:
        connection.execute("CREATE DATABASE octets ENCODING 'SQL_ASCII' TEMPLATE template0")
    try:
        url = sa.make_url(postgres.url).set(database="octets")
        engine = sa.create_engine(url, connect_args={"client_encoding": "utf8"})
        with closing(Relational(engine)) as database:
            database.add("1", person("odd", updated=NOON))
            database.add("2", {**person("plain", updated=NOON), "l": ["Łódź".encode()]})
            set_odd(database, "l", "convert_from('\\x416cff', 'SQL_ASCII')")
            assert shown(database, "l") == ["QWz/"]
            found = client_of(database.backend).get(PATH).json["results"]  # type: ignore[index]
            assert found[1]["l"] == ["Łódź"]
    finally:
        with postgres.connect() as connection:
            connection.execute("DROP DATABASE octets")


@pytest.fixture
def in_mariadb(mariadb: MariaDb) -> Iterator[Relational]:
    """Two people in MariaDB, of whom the first gets odd values."""
    with closing(Relational(sa.create_engine(mariadb.url))) as database:
        database.add("1", person("odd", updated=NOON))
        database.add("2", person("plain", updated=NOON))
        yield database


@pytest.mark.parametrize(
    ("kind", "value", "values"),
    [
        ("BIT(1)", "b'1'", [1]),
        ("BIT(1)", "b'0'", [0]),
        ("BIT(64)", "x'ffffffffffffffff'", [2**64 - 1]),
        ("TIME", "'-838:59:59'", ["-35 days, 1:00:01"]),
        ("YEAR", "1999", ["1999"]),
        ("JSON", f"'{{\"v\": [{NUMBER}, 7]}}'", [NUMBER, 7]),
        ("DECIMAL(65,30)", "1.5", ["1.500000000000000000000000000000"]),
        ("BIGINT UNSIGNED", str(2**64 - 1), [2**64 - 1]),
        ("DATETIME", "'9999-12-31 23:59:59'", ["9999-12-31T23:59:59Z"]),
        ("INET6", "'::1'", ["::1"]),
    ],
)
@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_values_of_mariadb(
    in_mariadb: Relational, kind: str, value: str, values: list[object]
) -> None:
    """Bits are numbers, as its other small integers are."""
    set_odd(in_mariadb, "odd", value, kind)
    assert shown(in_mariadb, "odd") == values


def test_a_bit_that_is_registered_as_a_truth(in_mariadb: Relational) -> None:
    """Only its registered type can tell it from a number."""
    set_odd(in_mariadb, "odd", "b'1'", "BIT(1)")
    in_mariadb.register("odd", "boolean")
    assert shown(in_mariadb, "odd") == [True]


@pytest.mark.parametrize("zero", ["'0000-00-00 00:00:00'", "'2024-00-00 00:00:00'"])
def test_a_zero_date_of_mariadb(in_mariadb: Relational, zero: str) -> None:
    """Old servers wrote them where there was no time."""
    in_mariadb.run("SET GLOBAL sql_mode = ''")
    try:
        in_mariadb.engine.dispose()
        set_odd(in_mariadb, "oxLastLogonTime", zero)
    finally:
        in_mariadb.run("SET GLOBAL sql_mode = DEFAULT")
    assert shown(in_mariadb, "oxLastLogonTime") == [zero.strip("'") + ".000"]


@pytest.fixture
def in_sqlite(tmp_path: Path) -> Iterator[Relational]:
    """Two people in SQLite, of whom the first gets odd values: any column takes anything."""
    url = f"sqlite:///{tmp_path / 'people.sqlite'}"
    with closing(Relational(sa.create_engine(url))) as database:
        database.add("1", person("odd", updated=NOON))
        database.add("2", person("plain", updated=NOON))
        yield database


@pytest.mark.parametrize(
    ("name", "value", "values"),
    [
        ("mail", "x'ff00'", ["/wA="]),
        ("mail", f"'[{NUMBER}]'", [NUMBER]),
        ("mail", "'" + "[" * 100_000 + "'", ["[" * 100_000]),
        ("mail", "'[NaN, 1e999]'", ["NaN", "1e999"]),
        ("mail", "1.5", ["1.5"]),
        ("oxLastLogonTime", "x'ff'", ["/w=="]),
        ("oxLastLogonTime", "9e999", ["inf"]),
        ("oxLastLogonTime", "'12024-05-01 12:00:00'", ["12024-05-01 12:00:00"]),
        ("myIntegerCustomAttribute", "9e999", ["inf"]),
        ("jpegPhoto", "7", ["7"]),
        ("jpegPhoto", "1.5", ["1.5"]),
        ("gluuSLAManager", "'perhaps'", ["perhaps"]),
        ("uid", "7", ["7"]),
        ("description", "x'ff'", ["/w=="]),
        ("description", "CAST(x'416cff' AS TEXT)", ["QWz/"]),
        ("uid", "CAST(x'416cff' AS TEXT)", ["QWz/"]),
        ("mail", "CAST(x'416cff' AS TEXT)", ["QWz/"]),
        ("oxLastLogonTime", "CAST(x'416cff' AS TEXT)", ["QWz/"]),
    ],
)
def test_values_of_sqlite(
    in_sqlite: Relational, name: str, value: str, values: list[object]
) -> None:
    """What does not fit its column is served as the text that it is."""
    set_odd(in_sqlite, name, value)
    answer = client_of(in_sqlite.backend).get(PATH)
    assert answer.status_code == 200, answer.text
    found = {entry["inum"][0]: entry for entry in json.loads(answer.data)["results"]}
    assert found["1"][name] == values
    assert found["2"]["uid"] == ["plain"]


def test_text_that_is_not_utf_8_far_behind(
    in_sqlite: Relational, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a part of the answer was read already, it begins anew; the log has no value."""
    in_sqlite.load((f"a{i}", person(f"u{i}")) for i in range(1000))
    in_sqlite.run("""UPDATE "gluuPerson" SET sn = CAST(x'416cff' AS TEXT) WHERE inum = 'a999'""")
    client = client_of(in_sqlite.backend)
    answers = [client.get(f"{PATH}&start=0") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 200]
    assert "Al" not in caplog.text


def test_a_long_number_is_text(database: Relational, caplog: pytest.LogCaptureFixture) -> None:
    """No reader of JSON is made to refuse a page by a number of 5000 digits, typed or not."""
    database.add("1", {**person("a"), "description": [b"7"], "mail": [b"7"]})
    database.register("description", "numeric")
    table = database.quoted("gluuPerson")
    if database.engine.dialect.name == "mysql":
        database.run(f"ALTER TABLE {table} MODIFY description TEXT")
    database.run(f"UPDATE {table} SET description = :n, mail = :m", n=NUMBER, m=f"[{NUMBER}, 7]")
    with caplog.at_level(logging.WARNING):
        (found,) = json.loads(client_of(database.backend).get(PATH).data)["results"]
    assert found["description"] == [NUMBER]
    assert found["mail"] == [NUMBER, 7]
    assert NUMBER not in caplog.text
