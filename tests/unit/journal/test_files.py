"""Only the owner of a journal reads its files, and what is removed is in none of them."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, StaticPool, event, text

from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.failures import JournalUnavailable
from flask_gluu_changes.journal.tables import now, open_engine
from flask_gluu_changes.journal.writer import DELETED, WriteBatch, Writer
from tests.support.journals import Journal, file_engine

NOBODY = 65534
SECOND = 10**6
MARKER = "to be forgotten "


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _another_user() -> Iterator[None]:
    """Be one whom the modes of files concern: for root they are no obstacle."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may look into."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    engine = file_engine(folder)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277])
def test_all_files_of_a_journal_are_for_their_owner(folder: Path, mask: int) -> None:
    """Whatever the umask of the service is."""
    with _umask(mask):
        engine = file_engine(folder)
        Journal(engine).put("a")
        modes = {file.name: _mode(file) for file in folder.iterdir()}
        engine.dispose()
    assert modes == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm"), 0o600)


def test_a_file_named_by_a_uri_is_for_its_owner(folder: Path) -> None:
    """SQLAlchemy passes such a name on; one in memory is no file."""
    with _umask(0o022):
        engine = open_engine(f"sqlite:///file:{folder}/a%20b.db?uri=true")
        engine.connect().close()
        assert _mode(folder / "a b.db") == 0o600
        engine.dispose()
        engine = open_engine("sqlite:///file:nowhere?mode=memory&uri=true", poolclass=StaticPool)
        engine.connect().close()
        engine.dispose()
    assert not Path("nowhere").exists()


def test_a_mode_that_an_operator_chose_stays(folder: Path, engine: Engine) -> None:
    """A group of two users, say."""
    (folder / "journal.db").touch()
    (folder / "journal.db").chmod(0o660)
    Journal(engine).put("a")
    assert {_mode(file) for file in folder.iterdir()} == {0o660}


def test_a_journal_that_everybody_may_read_is_pointed_out(
    folder: Path, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Once: an earlier release made it so."""
    (folder / "journal.db").touch()
    (folder / "journal.db").chmod(0o644)
    for _ in range(2):
        engine.connect().close()
        engine.dispose()
    (message,) = caplog.messages
    assert message == (
        f"every user of this machine may read {folder}/journal.db; chmod 600 it, its -wal and its"
        " -shm"
    )


def test_another_user_is_told_what_to_do(folder: Path, engine: Engine) -> None:
    """SQLite says no more than that it cannot open the file."""
    Journal(engine).put("a")
    os.chmod(folder / "journal.db", 0o600 if os.geteuid() == 0 else 0)
    with _another_user(), pytest.raises(BackendUnavailable) as caught:
        JournalBackend(f"sqlite:///{folder}/journal.db").latest()
    assert f"this user may not read {folder}/journal.db; run it as the user" in str(caught.value)


def test_another_user_who_may_read_is_told_why_it_cannot_write(
    folder: Path, engine: Engine
) -> None:
    """The sentence is that of a file that may not even be read."""
    Journal(engine).put("a")
    engine.dispose()
    for file in folder.iterdir():
        file.chmod(0o444)
    other = open_engine(f"sqlite:///{folder}/journal.db")
    with _another_user(), pytest.raises(JournalUnavailable, match=r"readonly.*chmod 660"):
        Writer(other).acquire()
    other.dispose()


def test_who_is_removed_is_in_no_file(folder: Path, engine: Engine) -> None:
    """Neither in a free page nor in the -wal, though SQLite would leave both as they are."""
    journal = Journal(engine)
    long = MARKER * 2000
    for inum in map(str, range(5)):
        journal.put(inum, description=long)
    assert _found(folder)
    batch = WriteBatch()
    for inum in map(str, range(5)):
        batch.remove(inum, DELETED)
    journal.writer.commit(batch)
    journal.writer.prune(now() - SECOND * 86_400)
    assert not _found(folder)


def test_what_others_read_puts_the_forgetting_off(folder: Path, engine: Engine) -> None:
    """It neither waits for them nor fails; the next time it is done."""
    journal = Journal(engine)
    journal.put("a", description=MARKER * 2000)
    with engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM gluu_changes_entry")).all()
        batch = WriteBatch()
        batch.remove("a", DELETED)
        journal.writer.commit(batch)
        journal.writer.prune(0)
        assert _found(folder)
    journal.writer.prune(0)
    assert not _found(folder)


def _found(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if MARKER.encode() in file.read_bytes()]


def test_no_error_of_the_database_shows_what_was_written(engine: Engine) -> None:
    """A full disk, say: SQLAlchemy adds the parameters unless it is told not to."""
    journal = Journal(engine)

    @event.listens_for(engine, "connect")
    def fill(connection: Any, _: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")

    engine.dispose()
    with pytest.raises(JournalUnavailable, match="full") as caught:
        journal.put("a", description=MARKER * 2000)
    chain = [str(caught.value), str(caught.value.__cause__), repr(caught.value.__cause__)]
    assert not any(MARKER in said for said in chain)
