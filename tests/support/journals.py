"""Journals in files and in memory, filled by the real writer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine, StaticPool, update

from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.records import Identity, IdentityEncoder
from flask_gluu_changes.journal.tables import METADATA, STATE, now, open_engine
from flask_gluu_changes.journal.writer import DELETED, EXACT, WriteBatch, Writer
from flask_gluu_changes.model import DEFAULT_TIME_ATTRIBUTES, Entry
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.testing import Attributes
from flask_gluu_changes.visibility import Visibility

from .markers import DENIED


def file_engine(folder: Path) -> Engine:
    """Open a journal in a file."""
    return open_engine(f"sqlite:///{folder / 'journal.db'}")


_engines: list[Engine] = []


def memory_engine(*, closed_after_test: bool = True) -> Engine:
    """Open a journal in memory, on its one connection, for one thread."""
    threads = {"check_same_thread": False}
    engine = open_engine("sqlite://", poolclass=StaticPool, connect_args=threads)
    if closed_after_test:
        _engines.append(engine)
    return engine


@pytest.fixture(autouse=True)
def close_engines() -> Iterator[None]:
    """Close what a test opened in memory: Python 3.13 warns of connections that are left open."""
    yield
    while _engines:
        _engines.pop().dispose()


class Journal:
    """A journal with its writer and its backend, and people in it by their ids.

    name: of the writer that held the lease when this journal was copied.
    """

    def __init__(self, engine: Engine, *, built: bool = True, name: str = "") -> None:
        self.engine = engine
        self.writer = Writer(engine, seconds=3600)
        self.writer.name = name or self.writer.name
        assert self.writer.acquire()
        self.writer.follow("test", EXACT, "a test writes it")
        if built:
            self.writer.commit(WriteBatch(built=True))
        self.backend = JournalBackend(engine)
        types = Settings.load({}).type_of
        self._encoder = IdentityEncoder(DEFAULT_TIME_ATTRIBUTES, types, Visibility.of())

    def restart(self) -> None:
        """Have another writer take over, whoever held the lease; close what a file allows."""
        if not isinstance(self.engine.pool, StaticPool):
            self.engine.dispose()
        with self.engine.begin() as connection:
            connection.execute(update(STATE).values(holder=""))
        self.writer = Writer(self.engine, seconds=3600)
        assert self.writer.acquire()

    @property
    def version(self) -> int:
        """The version that was given out last."""
        return self.writer.state().version

    def identity(self, id_: str, entry: Entry) -> Identity:
        """Make an identity of an entry."""
        return self._encoder.encode(id_, {"secretAnswer": [DENIED], **entry})

    def put(self, *names: str, **attributes: str) -> None:
        """Add or change people in one commit; their names are id, inum and uid."""
        batch = WriteBatch(confirmed_at=now())
        for name in names:
            entry = {"inum": [name], "uid": [name], **{n: [v] for n, v in attributes.items()}}
            batch.put(self.identity(name, entry))
        self.writer.commit(batch)

    def remove(self, *names: str, reason: str = DELETED) -> None:
        """Remove people in one commit."""
        batch = WriteBatch()
        for name in names:
            batch.remove(name, reason)
        self.writer.commit(batch)


class JournalStore:
    """A store of people for the contract of backends."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._people: dict[str, Attributes] = {}
        self.backend = journal.backend

    def add(self, inum: str, attributes: Attributes) -> None:
        """Add a person."""
        self._people[inum] = {"inum": [inum.encode()], **attributes}
        batch = WriteBatch()
        batch.put(self._journal.identity(inum, self._people[inum]))
        self._journal.writer.commit(batch)

    def change(self, inum: str, attributes: Mapping[str, list[bytes]] | Attributes) -> None:
        """Replace attributes of a person."""
        self.add(inum, {**self._people[inum], **attributes})

    def remove(self, inum: str) -> None:
        """Delete a person."""
        self._journal.remove(inum)


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without tables: a file, or a server whose fixture is named as the parameter."""
    server = getattr(request, "param", None)
    if server is None:
        yield file_engine(tmp_path)
        return
    engine = open_engine(request.getfixturevalue(server).url)
    yield engine
    METADATA.drop_all(engine)
    engine.dispose()


@pytest.fixture
def journal(engine: Engine) -> Iterator[Journal]:
    """An empty journal, built."""
    journal = Journal(engine)
    yield journal
    journal.backend.close()
