"""The journal's tables: identities, commits, one row of state, and what could not be written.

A changed identity moves to a new `seq` behind all others, so whoever has read up to a position
finds everything that came since by asking for what is behind it: no clock is compared, and the
table never grows beyond one row an identity (CouchDB's by-seq index).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from time import time_ns
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    create_engine,
    select,
)
from sqlalchemy.dialects.mysql import VARBINARY
from sqlalchemy.exc import ArgumentError
from sqlalchemy.types import TypeEngine

from ..database import connect_options, parse_url, prepare_engine, warn_unless_encrypted
from ..errors import BackendUnavailable, ConfigurationError
from ..settings.fields import PREFIX
from ..settings.journal import JournalSettings
from .damage import check_state
from .files import keep_private
from .sessions import MARIADB, POOL_OPTIONS, SQLITE_PATIENCE, prepare_sessions

METADATA = MetaData()
ONLY_ROW = 1
UNKNOWN = "unknown"
"""The level of a journal before anything was followed."""

_LONG = 2**24

T = TypeVar("T")

IDS_PER_STATEMENT = 500

MOST_ID_OCTETS = 1000
"""The longest id that every database indexes, in UTF-8."""

NOT_BUILT = "The journal is being built. Try again later."

NOT_FOLLOWED = (
    "nothing has been followed into the journal yet: run `flask gluu-changes follow`, and keep it"
    " running"
)


class OctetText(TypeDecorator[str]):
    """Text that is stored as the octets of UTF-8.

    A database compares it octet by octet and takes every character, whatever its collation and its
    character set are.
    """

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column; MariaDB has no unique index over a whole BLOB."""
        length: int = self.impl_instance.length  # type: ignore[attr-defined]
        indexed = dialect.name in MARIADB and length <= MOST_ID_OCTETS
        return dialect.type_descriptor(VARBINARY(length) if indexed else LargeBinary(length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Return what is stored."""
        return None if value is None else to_octets(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Return the text of what is stored."""
        return None if value is None else bytes(value).decode("utf-8", "surrogatepass")


def parts_of(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield as many ids at a time as one statement may name; databases limit parameters."""
    for i in range(0, len(ids), IDS_PER_STATEMENT):
        yield ids[i : i + IDS_PER_STATEMENT]


def to_octets(text: str) -> bytes:
    """Return the octets by which a text is stored."""
    return text.encode("utf-8", "surrogatepass")


_SEQ = BigInteger().with_variant(Integer, "sqlite")  # SQLite keeps rows in the order of INTEGER
_LINE = LargeBinary(_LONG)  # MariaDB makes it a LONGBLOB
_TEXT = OctetText(_LONG)
_ID = OctetText(MOST_ID_OCTETS)
# a database's own defaults may be an engine without transactions, and another character set
_OPTIONS: Any = {
    f"{dialect}_{name}": value
    for dialect in sorted(MARIADB)
    for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}

ENTRIES = Table(
    "gluu_changes_entry",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("id", _ID, nullable=False, unique=True),
    Column("version", BigInteger, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("counts_until", BigInteger, nullable=False, index=True),
    Column("removed", String(16)),
    Column("removed_at", BigInteger),
    Column("inum", _TEXT, nullable=False),
    Column("uid", _TEXT, nullable=False),
    Column("sort_key", LargeBinary(_LONG), nullable=False),
    Column("line", _LINE, nullable=False),
    **_OPTIONS,
)
"""One row an identity. Times are microseconds since the epoch (1970, UTC).

id: entryUUID where the source has one, else inum. version: that of the commit.
digest: of body and epoch, to distinguish a change from a write that changes nothing. changed_at:
highest time attribute, or 0. counts_until: the highest `timeStamp` that finds the entry. removed:
None, `deleted` or `outOfScope`. line: the JSON object that clients get, `@` keys first; for a
removed identity that of `removed`.
"""

_REMOVED_AT = ENTRIES.c.removed_at
Index(  # nearly nobody is removed, so where a database can it leaves the others out
    "ix_gluu_changes_entry_removed_at",
    _REMOVED_AT,
    sqlite_where=_REMOVED_AT.is_not(None),
    postgresql_where=_REMOVED_AT.is_not(None),
)

COMMITS = Table(
    "gluu_changes_commit",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("commit_id", String(16), nullable=False),
    Column("at", BigInteger, nullable=False, index=True),
    **_OPTIONS,
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
    Column("version", BigInteger, nullable=False),
    Column("built", Boolean, nullable=False),
    Column("level", String(16), nullable=False),
    Column("why", _TEXT, nullable=False),
    Column("source", _TEXT, nullable=False),
    Column("cookie", _TEXT, nullable=False),
    Column("confirmed_at", BigInteger, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("held_until", BigInteger, nullable=False),
    Column("released_at", BigInteger, nullable=False),
    Column("layout", Integer, nullable=False),
    **_OPTIONS,
)
"""The journal's state, in one row.

epoch: changes whenever continuity cannot be proven. head: the highest seq. floor: removals up to
this seq may have been pruned. version: the highest that was given out. built: whether everything
has been read once in this epoch. level: `exact` or `lagging`, and why. source, cookie: what is
followed, and how far it has been read. confirmed_at: when the source was last known to hold nothing
newer. holder, held_until: the lease. released_at: when removals that were held back went last.
layout: of the tables.
"""

QUARANTINE = Table(
    "gluu_changes_quarantine",
    METADATA,
    Column("key", String(32), primary_key=True),
    Column("id", _TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", _TEXT, nullable=False),
    **_OPTIONS,
)
"""The entries that could not be written as they are now, until they change or go.

key: a digest of the id, which may be too long for an index. reason: without any value.
"""


HELD = Table(
    "gluu_changes_held",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("inum", _TEXT, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    **_OPTIONS,
)
"""The entries whose removal is held back, because too many would go at once.

reason: for the removal. confirmed: an operator said that they are meant to go.
"""


UNKNOWN_COMMITS = Table(
    "gluu_changes_unknown_commit",
    METADATA,
    Column("commit_id", String(16), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("epoch", String(32), nullable=False),
    **_OPTIONS,
)
"""Commits that clients' tokens name, and that are not here: the journal was restored.

Whoever serves the journal adds them, and writes nothing else.
"""


@dataclass(frozen=True, slots=True)
class JournalState:
    """The journal's state as it was read; see `STATE` for the meaning of each field."""

    epoch: str
    head: int
    floor: int
    version: int
    built: bool
    level: str
    why: str
    source: str
    cookie: str
    confirmed_at: int
    holder: str
    held_until: int


_STATE_QUERY = select(*(STATE.c[field.name] for field in fields(JournalState)))


def open_engine(
    url: str,
    *,
    connect_timeout: float = 3.0,
    operation_timeout: float = 30.0,
    key: str = f"{PREFIX}JOURNAL_URL",
    **options: Any,
) -> Engine:
    """Return an engine for a journal's database; nothing is connected before the first use.

    SQLite is used in WAL mode, so that readers and the writer never wait for each other. Only its
    owner may read its file, and what is removed is overwritten with zeros.

    Args:
        url: The database, as SQLAlchemy writes it.
        connect_timeout: The longest wait for a connection to a server, in seconds.
        operation_timeout: The longest wait for the next part of a server's answer, in seconds.
        key: The setting that the URL comes from, for errors.
        **options: More of SQLAlchemy's own, such as the pool.
    """
    with _usable_url(key):
        engine = _make_engine(url, connect_timeout, operation_timeout, options)
    prepare_engine(engine, connect=connect_timeout, operation=operation_timeout)
    prepare_sessions(engine)
    if engine.dialect.name == "sqlite":
        keep_private(engine)
    return engine


@contextmanager
def _usable_url(key: str) -> Iterator[None]:
    try:
        yield
    except (ArgumentError, ValueError) as error:  # its text may hold the URL, and that a password
        raise ConfigurationError(
            f"{key} is no URL of a database that SQLAlchemy knows; write one such as"
            " sqlite:////var/lib/changes/journal.db"
        ) from error
    except ImportError as error:
        raise ConfigurationError(
            f"{key} needs the driver {error.name}; run `pip install {error.name}`"
        ) from error


def _make_engine(
    url: str, connect_timeout: float, operation_timeout: float, options: Mapping[str, Any]
) -> Engine:
    parsed = parse_url(url)
    options = {"hide_parameters": True, **options}
    if parsed.get_backend_name() != "sqlite":
        limits = connect_options(parsed.get_dialect().driver, connect_timeout, operation_timeout)
        args = {name: value for name, value in limits.items() if name not in parsed.query}
        waits = {"pool_pre_ping": True, "pool_timeout": connect_timeout, "connect_args": args}
        options = {**waits, **POOL_OPTIONS, **options}
    return create_engine(parsed, **options)


def engine_from_config(config: Mapping[str, Any]) -> Engine:
    """Return an engine for the journal that an application's config names.

    Raises ConfigurationError where it names none, or one that cannot be used.
    """
    settings = JournalSettings.load(config)
    if not settings.journal_url:
        raise ConfigurationError(f"{PREFIX}JOURNAL_URL is missing; set it, e.g. sqlite:///…")
    return _configured_engine(settings, settings.journal_url, f"{PREFIX}JOURNAL_URL")


def replica_engine_from_config(config: Mapping[str, Any]) -> Engine | None:
    """Return an engine for the replica that an application's config names; None without one.

    Raises ConfigurationError where it cannot be used.
    """
    settings = JournalSettings.load(config)
    url = settings.journal_read_url
    return _configured_engine(settings, url, f"{PREFIX}JOURNAL_READ_URL") if url else None


def _configured_engine(settings: JournalSettings, url: str, key: str) -> Engine:
    engine = open_engine(
        url,
        connect_timeout=settings.journal_connect_timeout,
        operation_timeout=settings.journal_operation_timeout,
        key=key,
    )
    warn_unless_encrypted(engine.url, key)
    return engine


def reader_engine(engine: Engine) -> Engine:
    """Return the engine for readers, whose transactions see one state of the journal."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def writer_engine(engine: Engine, *, patience: float = SQLITE_PATIENCE) -> Engine:
    """Return the engine for the writer, whose transactions take SQLite's lock when they begin.

    patience: how long they wait for it, in seconds.
    """
    milliseconds = int(min(patience, SQLITE_PATIENCE) * 1000)
    begin = (f"PRAGMA busy_timeout={milliseconds}", "BEGIN IMMEDIATE")
    return engine.execution_options(sqlite_begin=begin)


def read_state(connection: Connection) -> JournalState:
    """Read the journal's state; raise BackendUnavailable where the table is empty."""
    row = connection.execute(_STATE_QUERY).first()
    if row is None:
        raise not_followed()
    state = JournalState(*row)
    check_state(state)
    return state


def not_followed() -> BackendUnavailable:
    """Return what to raise where there is no journal yet."""
    return BackendUnavailable(NOT_FOLLOWED, public=NOT_BUILT)


def now() -> int:
    """Return the time in microseconds since the epoch."""
    return time_ns() // 1000


def new_epoch() -> str:
    """Return a random name for an epoch of the journal."""
    return secrets.token_hex(8)


def commit_row(head: int) -> dict[str, object]:
    """Return the row of a commit that ends at a head, with a random commit id."""
    return {"seq": head, "commit_id": secrets.token_hex(6), "at": now()}
