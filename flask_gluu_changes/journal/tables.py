"""The journal's three tables: the identities, the commits, and one row of state.

A changed identity moves to a new `seq` behind all others, so whoever has read up to a position
finds everything that came since by asking for what is behind it: no clock is compared, and the
table never grows beyond one row an identity (CouchDB's by-seq index).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from time import time_ns
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    select,
)

from ..errors import ConfigurationError
from ..settings.fields import PREFIX
from ..settings.journal import JournalSettings

METADATA = MetaData()
ONLY_ROW = 1
UNKNOWN = "unknown"
"""The level of a journal before anything was followed."""

_SEQ = BigInteger().with_variant(Integer, "sqlite")  # SQLite keeps rows in the order of INTEGER
_LINE = LargeBinary(2**24)  # MariaDB makes it a MEDIUMBLOB

ENTRIES = Table(
    "gluu_changes_entry",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("id", String(128), nullable=False, unique=True),
    Column("version", BigInteger, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("counts_until", BigInteger, nullable=False, index=True),
    Column("removed", String(16)),
    Column("removed_at", BigInteger, index=True),
    Column("inum", Text, nullable=False),
    Column("uid", Text, nullable=False),
    Column("sort_key", LargeBinary(2**16), nullable=False),
    Column("line", _LINE, nullable=False),
)
"""One row an identity. Times are microseconds since the epoch (1970, UTC).

id: entryUUID where the source has one, else inum. version: grows with the identity's changes.
digest: of the body, to distinguish a change from a write that changes nothing. changed_at: highest
time attribute, or 0. counts_until: the highest `timeStamp` that finds the entry. removed: None,
`deleted` or `outOfScope`. line: the JSON object that clients get, `@` keys first; for a removed
identity that of `removed`.
"""

COMMITS = Table(
    "gluu_changes_commit",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("commit_id", String(16), nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
)
"""The head after each transaction, with a random commit id.

A token names both. In a journal that was restored from a backup the same head comes a second time
with another id, so that a token from before is refused and not mistaken for one from after.
"""

STATE = Table(
    "gluu_changes_state",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", String(32), nullable=False),
    Column("head", BigInteger, nullable=False),
    Column("floor", BigInteger, nullable=False),
    Column("built", Boolean, nullable=False),
    Column("level", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("cookie", Text, nullable=False),
    Column("confirmed_at", BigInteger, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("held_until", BigInteger, nullable=False),
)
"""The journal's state, in one row.

epoch: changes whenever continuity cannot be proven. head: the highest seq. floor: removals up to
this seq may have been pruned. built: whether everything has been read once in this epoch. level:
`exact` or `lagging`, and why. source, cookie: what is followed, and how far it has been read.
confirmed_at: when the source was last known to hold nothing newer. holder, held_until: the lease.
"""


@dataclass(frozen=True, slots=True)
class JournalState:
    """The journal's state as it was read; see `STATE` for the meaning of each field."""

    epoch: str
    head: int
    floor: int
    built: bool
    level: str
    why: str
    source: str
    cookie: str
    confirmed_at: int
    holder: str
    held_until: int


_STATE_QUERY = select(*(column for column in STATE.c if column.name != "id"))


def open_engine(url: str, **options: Any) -> Engine:
    """Return an engine for a journal's database; nothing is connected before the first use.

    SQLite is used in WAL mode, so that readers and the writer never wait for each other.

    Args:
        url: The database, as SQLAlchemy writes it.
        **options: More of SQLAlchemy's own, such as the pool.
    """
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"), **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def engine_from_config(config: Mapping[str, Any]) -> Engine:
    """Return an engine for the journal that an application's config names.

    Raises ConfigurationError where it names none.
    """
    url = JournalSettings.load(config).journal_url
    if not url:
        raise ConfigurationError(f"{PREFIX}JOURNAL_URL is missing; set it, e.g. sqlite:///…")
    return open_engine(url)


def reader_engine(engine: Engine) -> Engine:
    """Return the engine for readers, whose transactions see one state of the journal."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def writer_engine(engine: Engine) -> Engine:
    """Return the engine for the writer, whose transactions take SQLite's lock when they begin."""
    return engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says so
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


def create(engine: Engine) -> None:
    """Create the tables of a new journal; one that is there stays as it is."""
    if inspect(engine).has_table(STATE.name):
        return
    METADATA.create_all(engine)
    with writer_engine(engine).begin() as connection:
        if connection.execute(select(STATE.c.id)).first() is None:
            connection.execute(insert(STATE).values(_first_state()))
            connection.execute(insert(COMMITS).values(commit_row(0)))


def read_state(connection: Connection) -> JournalState:
    """Read the journal's state."""
    return JournalState(*connection.execute(_STATE_QUERY).one())


def now() -> int:
    """Return the time in microseconds since the epoch."""
    return time_ns() // 1000


def new_epoch() -> str:
    """Return a random name for an epoch of the journal."""
    return secrets.token_hex(8)


def commit_row(head: int) -> dict[str, object]:
    """Return the row of a commit that ends at a head, with a random commit id."""
    return {"seq": head, "commit_id": secrets.token_hex(6), "at": now()}


def _first_state() -> dict[str, object]:
    return {
        "id": ONLY_ROW,
        "epoch": new_epoch(),
        "head": 0,
        "floor": 0,
        "built": False,
        "level": UNKNOWN,
        "why": "nothing has been followed yet",
        "source": "",
        "cookie": "",
        "confirmed_at": 0,
        "holder": "",
        "held_until": 0,
    }
