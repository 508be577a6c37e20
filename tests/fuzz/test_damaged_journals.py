"""A journal in which bits flipped ends nothing: whoever meets it says so in one sentence."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.journal.tables import METADATA
from tests.support.damaged import ASKED, DamagedJournal, failure

from .budget import fuzzed

COLUMNS = [(t.name, c.name) for t in METADATA.sorted_tables for c in t.columns]
ODD = st.sampled_from(
    [
        *(None, b"", b"\xff", b"\xff\xfe", "text", "\u00e4", b"\x00\x01"),
        *(-1, 0, 1, 5, 10**18, 2**63 - 1, -(2**63), 1e300, float("inf")),
        *(b"null", b"[]", b"{}", b'{"@id":', b'{"@id":"1","@version":1'),
    ]
)
FLIPS = st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 7)), min_size=1, max_size=10)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> DamagedJournal:
    """A journal that is damaged anew for each example."""
    return DamagedJournal(tmp_path_factory.mktemp("damaged"))


@fuzzed
@given(flips=FLIPS, asked=st.sampled_from(ASKED))
def test_bits_of_the_file(
    journal: DamagedJournal, flips: list[tuple[int, int]], asked: str
) -> None:
    """Wherever they are, but not in the octets that are 0 anyway, which nearly all are."""

    def flip(file: Path) -> None:
        octets = bytearray(file.read_bytes())
        used = [at for at, octet in enumerate(octets) if octet]
        for at, bit in flips:
            octets[used[at % len(used)]] ^= 1 << bit
        file.write_bytes(octets)

    journal.damage(flip)
    assert not failure(journal, asked)


@fuzzed
@given(
    column=st.sampled_from(COLUMNS), value=ODD, all_rows=st.booleans(), asked=st.sampled_from(ASKED)
)
def test_odd_values_in_a_column(
    journal: DamagedJournal,
    column: tuple[str, str],
    value: object,
    all_rows: bool,
    asked: str,
) -> None:
    """Of a type that SQLite takes and nobody wrote, or beyond all bounds."""
    table, name = column
    rows = "" if all_rows else f" WHERE rowid = (SELECT max(rowid) FROM {table})"

    def write(file: Path) -> None:
        connection = sqlite3.connect(file, isolation_level=None)
        with closing(connection), suppress(sqlite3.Error):  # the database may refuse it
            connection.execute(f"UPDATE {table} SET {name} = ?{rows}", (value,))

    journal.damage(write)
    assert not failure(journal, asked)
