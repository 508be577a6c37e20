"""Where paging sessions are kept: in files of their owner alone, which go with what made them."""

from __future__ import annotations

import fcntl
import gc
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.feed import folder_store, private_store
from flask_gluu_changes.feed.folder_store import TABLE, FolderStore
from flask_gluu_changes.feed.page_request import PageRequest, SessionKey
from flask_gluu_changes.feed.private_store import PrivateStore
from flask_gluu_changes.feed.sessions import PagingSessions
from flask_gluu_changes.feed.snapshot import ANY_TIME, Page
from flask_gluu_changes.feed.stores import SessionStore

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
KEY = SessionKey("caller", SINCE)
MANY: list[EncodedEntry] = [(b"%05d" % (i * 7919 % 5000), i, b"{%d}" % i) for i in range(5000)]
IN_ORDER = [body for _, _, body in sorted(MANY)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the sessions of several processes are."""
    return tmp_path / "sessions"


@pytest.fixture(params=["private", "folder"])
def store(request: pytest.FixtureRequest, folder: Path) -> SessionStore:
    """Of one process, and of several."""
    return PrivateStore() if request.param == "private" else FolderStore(folder)


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of the test's own for files without a name."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def _sessions(store: SessionStore) -> PagingSessions:
    return PagingSessions(seconds=60, limit=2, octets=10**6, find_store=lambda: store)


def _page(sessions: PagingSessions, start: int = 0, size: int = 3) -> Page:
    return sessions.page(PageRequest(KEY, start, size, lambda: (iter(MANY), ANY_TIME)))


def _open_files(folder: Path) -> int:
    """Count the files below a folder that this process has open or mapped, unlinked included."""
    gc.collect()
    descriptors = [
        fd for fd in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{fd}")
    ]
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in descriptors]
    maps = Path("/proc/self/maps").read_text().splitlines()
    return sum(str(folder) in line for line in [*held, *maps])


def _broken() -> Iterator[EncodedEntry]:
    yield from MANY
    raise LookupError


def test_a_private_session_has_no_file_with_a_name(temporary: Path) -> None:
    """Nothing is left behind by a process that is killed."""
    sessions = _sessions(PrivateStore())
    assert _page(sessions).bodies == IN_ORDER[:3]
    assert _open_files(temporary) > 0
    assert list(temporary.iterdir()) == []
    del sessions
    assert _open_files(temporary) == 0


def test_a_shared_session_is_its_owners_alone(folder: Path) -> None:
    """Whatever the process lets others read by default."""
    before = os.umask(0)
    try:
        _page(_sessions(FolderStore(folder)))
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_an_answer_that_breaks_off_leaves_nothing(store: SessionStore, temporary: Path) -> None:
    """A backend may fail in the middle of a large answer."""
    sessions = _sessions(store)
    with pytest.raises(LookupError):
        sessions.page(PageRequest(KEY, 0, 3, lambda: (_broken(), ANY_TIME)))
    assert store.names() == set()
    assert [path.name for path in temporary.rglob("*") if ".part" in path.name] == []
    assert _page(sessions).bodies == IN_ORDER[:3]


def test_without_any_folder_a_private_session_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on all the same."""
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    sessions = _sessions(PrivateStore())
    assert _page(sessions).bodies == IN_ORDER[:3]
    assert _page(sessions, 3).bodies == IN_ORDER[3:6]


def test_what_a_dead_process_was_writing_is_deleted(folder: Path) -> None:
    """By the next one that opens the folder; what a living one writes stays."""
    code = "import os; from pathlib import Path; from flask_gluu_changes.feed.folder_store import *"
    dying = f"{code}; file = FolderStore(Path({str(folder)!r})).create('a'); os._exit(9)"
    folder.mkdir(0o700)
    assert subprocess.run([sys.executable, "-c", dying], check=False, timeout=60).returncode == 9
    living = FolderStore(folder)
    with living.create("b"):
        _page(_sessions(FolderStore(folder)))
        assert [path.name for path in folder.glob("*.part")] == ["b.part"]


def test_what_a_process_published_without_a_row_is_deleted(folder: Path) -> None:
    """It was ended between the two."""
    store = FolderStore(folder)
    sessions = _sessions(store)
    _page(sessions)
    with store.create("lost") as file:
        store.publish("lost", file)
    _page(sessions)
    assert "lost" not in store.names()
    assert len(store.names()) == 2


def test_a_folder_that_was_cleared_is_made_anew(folder: Path) -> None:
    """By whoever clears such folders; the client is told that its session is gone."""
    sessions = _sessions(FolderStore(folder))
    _page(sessions)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    page = _page(sessions, 3)
    assert (page.bodies, page.is_restarted) == (IN_ORDER[3:6], True)
    assert _page(sessions, 6).bodies == IN_ORDER[6:9]


def test_a_snapshot_that_is_gone_is_looked_up_anew(folder: Path) -> None:
    """And the client is told."""
    store = FolderStore(folder)
    sessions = _sessions(store)
    _page(sessions)
    for name in store.names():
        store.drop(name)
    page = _page(sessions, 3)
    assert (page.bodies, page.is_restarted) == (IN_ORDER[3:6], True)


def test_a_broken_table_is_replaced(folder: Path) -> None:
    """At the second request; the first one is told to come again."""
    sessions = _sessions(FolderStore(folder))
    folder.mkdir(0o700)
    (folder / TABLE).write_bytes(b"no database at all" * 1000)
    with pytest.raises(BackendUnavailable, match="cannot be kept"):
        _page(sessions)
    assert _page(sessions).bodies == IN_ORDER[:3]


def test_a_lock_that_nobody_gives_back_is_not_waited_for_without_end(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder may be stopped, for as long as it likes."""
    for module in (folder_store, private_store):
        monkeypatch.setattr(module, "PATIENCE", 0.01)
    held = store.lock(1)
    assert held is not None
    with store.wait_for_lock(1):
        assert store.lock(1) is None
    held.release()
    with store.wait_for_lock(1):
        assert store.lock(1) is None


def test_a_lock_whose_file_went_meanwhile_is_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder deleted it while another one opened it, and a third one has a new file by now."""
    flock = fcntl.flock

    def flock_late(descriptor: int, how: int) -> None:
        (folder / "1.lock").unlink()
        (folder / "1.lock").touch()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock_late)
    assert FolderStore(folder).lock(1) is None


def test_a_lock_leaves_no_file(folder: Path) -> None:
    """There may be one for each time that somebody asks for."""
    store = FolderStore(folder)
    lock = store.lock(1)
    assert lock is not None
    lock.release()
    assert list(folder.iterdir()) == []


def test_a_new_snapshot_that_is_gone_is_no_empty_page(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client would take that for the end."""
    monkeypatch.setattr(store, "open", lambda name: None)
    with pytest.raises(BackendUnavailable, match="is gone"):
        _page(_sessions(store))


def test_a_small_answer_is_given_without_the_table(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is only remembered there."""
    folder.mkdir(0o700)
    (folder / TABLE).write_bytes(b"no database at all" * 1000)
    page = _page(_sessions(FolderStore(folder)), size=5000)
    assert page == Page(SINCE, IN_ORDER, 4999)
    assert caplog.messages == ["the table of paging sessions cannot be written: DatabaseError"]


def test_all_pages_know_what_was_asked_for(store: SessionStore) -> None:
    """The first, a later one and one behind the end."""
    sessions = _sessions(store)
    pages = [_page(sessions, start) for start in (0, 3, 5000)]
    assert [page.since for page in pages] == [SINCE] * 3
    assert len({page.session for page in pages}) == 1
    assert pages[0].session
    small = _page(sessions, 0, 5000), _page(sessions, 6000, 5000)
    assert [page.session for page in small] == ["", pages[0].session]
