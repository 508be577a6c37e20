"""The tables of a state, which stand in a file of their own or in the replica's database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.types import JSON, TypeEngine

from .records import DIGEST_OCTETS, LONGEST_ID

_LONG = 2**24
"""Makes MariaDB take a LONGBLOB."""

# a database's own defaults may be an engine without transactions, and another character set
OPTIONS: Any = {
    f"{dialect}_{name}": value
    for dialect in ("mariadb", "mysql")
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def _text() -> TypeEngine[str]:
    return Text().with_variant(LONGTEXT(), "mysql", "mariadb")


@dataclass(frozen=True, slots=True)
class StateTables:
    """The tables of one state.

    Attributes:
        metadata: All of them.
        facts: Names and texts: the position, and what it belongs to.
        index: Who is known; without a digest, who was removed.
        aside: Records that a target refused.
        held: Removals that the brake held back in the last run.
    """

    metadata: MetaData
    facts: Table
    index: Table
    aside: Table
    held: Table

    @classmethod
    def named(cls, prefix: str) -> Self:
        """Return the tables whose names begin so."""
        metadata = MetaData()
        return cls(
            metadata,
            facts=_facts(metadata, f"{prefix}_state"),
            index=_index(metadata, f"{prefix}_index"),
            aside=_aside(metadata, f"{prefix}_aside"),
            held=_held(metadata, f"{prefix}_held"),
        )


def _facts(metadata: MetaData, name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("name", String(64), primary_key=True),
        Column("value", _text(), nullable=False),
        **OPTIONS,
    )


def _index(metadata: MetaData, name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", String(LONGEST_ID), primary_key=True),
        Column("version", BigInteger, nullable=False),
        Column("digest", LargeBinary(DIGEST_OCTETS)),
        Column("inum", _text(), nullable=False),
        **OPTIONS,
    )


def _aside(metadata: MetaData, name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", String(LONGEST_ID), primary_key=True),
        Column("head", LargeBinary(_LONG), nullable=False),
        Column("body", LargeBinary(_LONG), nullable=False),
        Column("digest", LargeBinary(DIGEST_OCTETS), nullable=False),
        Column("reason", _text(), nullable=False),
        Column("at", String(32), nullable=False),
        **OPTIONS,
    )


def _held(metadata: MetaData, name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", String(LONGEST_ID), primary_key=True),
        Column("inum", _text(), nullable=False),
        **OPTIONS,
    )


def people_table(name: str) -> Table:
    """Return the table that is kept equal with the source."""
    return Table(
        name,
        MetaData(),
        Column("id", String(LONGEST_ID), primary_key=True),
        Column("inum", String(LONGEST_ID), nullable=False, index=True),
        Column("version", BigInteger, nullable=False),
        Column("active", Boolean, nullable=False),
        Column("attributes", JSON, nullable=False),
        **OPTIONS,
    )
