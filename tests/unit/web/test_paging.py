"""Which workers share paging sessions, and how a client is told which one is its own."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_gluu_changes import Backend, ChangesQuery, Entry, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.feed.folder_store import IN_USE, FolderStore
from flask_gluu_changes.feed.folders import (
    LEFT_SECONDS,
    application_folder,
    delete_left,
    prepare_folder,
)
from tests.support.apps import OPERATION

PEOPLE: list[Entry] = [
    {"uid": [f"{i}"], "inum": [f"{i}"], "updatedAt": [b"20240501120000Z"]} for i in range(6)
]
GUNICORN = {"gunicorn.socket": None}


class Named(MemoryBackend):
    """A store that says which it is."""

    def store_name(self) -> str:
        """Return the same name each time."""
        return "the store of this test"


class Branch(Backend):
    """A store of one of several branches, as a host writes one."""

    def __init__(self, branch: str, people: list[Entry]) -> None:
        self.branch = branch
        self._people = people

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield all people."""
        return iter(self._people)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, for this test alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"gluu-changes-{os.geteuid()}"


def _app(backend: Backend, **settings: object) -> Flask:
    app = Flask("paging")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass", **settings)
    GluuChanges(app, backend=backend)
    return app


def _ask(
    app: Flask,
    start: int,
    *,
    cookies: str = "",
    environ: dict[str, Any] | None = None,
    size: int = 2,
) -> TestResponse:
    query = {"timeStamp": "2020-01-01T00:00:00Z", "start": f"{start}", "pagesize": f"{size}"}
    headers = {"Cookie": cookies} if cookies else {}
    client = app.test_client(use_cookies=False)
    return client.get(
        OPERATION, query_string=query, headers=headers, environ_overrides=environ or {}
    )


def _uids(answer: TestResponse) -> list[str]:
    return [entry["uid"][0] for entry in answer.get_json()["results"]]


def _cookie(answer: TestResponse) -> str:
    return answer.headers["Set-Cookie"].partition(";")[0]


def test_workers_with_the_same_store_share_sessions() -> None:
    """Each has made the application for itself."""
    one, other = Named(PEOPLE), Named([])
    assert _uids(_ask(_app(one), 0)) == ["0", "1"]
    page = _ask(_app(other), 2)
    assert (_uids(page), page.headers.get("Paging-Session")) == (["2", "3"], None)


def test_applications_with_other_settings_do_not() -> None:
    """Their answers show other attributes."""
    _ask(_app(Named(PEOPLE)), 0)
    page = _ask(_app(Named([]), GLUU_CHANGES_DENIED_ATTRIBUTES=["mail"]), 2)
    assert (_uids(page), page.headers["Paging-Session"]) == ([], "restarted")


def test_stores_without_a_name_are_not_shared_by_single_processes() -> None:
    """Each of them may have its own people."""
    _ask(_app(MemoryBackend(PEOPLE)), 0)
    assert _uids(_ask(_app(MemoryBackend([])), 2)) == []


def test_the_workers_of_a_server_share_sessions_of_a_store_without_a_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As far as they made the same instance of it."""
    monkeypatch.setattr("flask_gluu_changes.web.paging._numbers", iter([1, 1, 1, 2]))
    workers = [_app(Branch(name, people)) for name, people in (("x", PEOPLE), ("x", []), ("y", []))]
    assert _uids(_ask(workers[0], 0, environ=GUNICORN)) == ["0", "1"]
    assert _uids(_ask(workers[1], 2, environ=GUNICORN)) == ["2", "3"]
    assert _uids(_ask(workers[2], 2, environ=GUNICORN)) == []
    assert _uids(_ask(_app(Branch("x", [])), 2, environ=GUNICORN)) == []


def test_a_client_that_sends_its_cookie_gets_its_own_pages() -> None:
    """Two of one address, from one time, at one page, of one name."""
    backend = Named(PEOPLE)
    app = _app(backend)
    first = _ask(app, 0)
    backend.entries = [{**entry, "uid": [f"x{i}"]} for i, entry in enumerate(PEOPLE)]
    second = _ask(app, 0)
    assert _uids(_ask(app, 2, cookies=_cookie(first))) == ["2", "3"]
    assert _uids(_ask(app, 2, cookies=_cookie(second))) == ["x2", "x3"]
    assert _uids(_ask(app, 4, cookies=_cookie(first))) == ["4", "5"]


def test_a_cookie_is_for_this_operation_and_no_script(folder: Path) -> None:
    """And sent over TLS alone where it was given so; it tells nothing of anybody."""
    app = _app(Named(PEOPLE), GLUU_CHANGES_PAGING_SESSION_SECONDS=60)
    given = _ask(app, 0).headers["Set-Cookie"]
    name, *attributes = given.split("; ")
    assert name.startswith("gluu_changes_paging_1577836800000000=")
    assert {"HttpOnly", f"Path={OPERATION}", "SameSite=Strict", "Max-Age=60"} <= {*attributes}
    assert "Secure" not in attributes
    secure = _ask(app, 0, environ={"wsgi.url_scheme": "https"}).headers["Set-Cookie"]
    assert "Secure" in secure.split("; ")


def test_an_answer_of_one_page_needs_no_cookie() -> None:
    """One of before is forgotten; a page behind it is empty, and no new answer."""
    app = _app(Named(PEOPLE))
    cookie = _cookie(_ask(app, 0))
    whole = _ask(app, 0, size=9, cookies=cookie)
    assert "Max-Age=0" in whole.headers["Set-Cookie"]
    assert "Set-Cookie" not in _ask(app, 0, size=9).headers
    behind = _ask(app, 9, size=9)
    assert (_uids(behind), behind.headers.get("Paging-Session")) == ([], None)


def test_a_page_whose_session_is_gone_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """To the client and in the log; the next page continues the new session."""
    app = _app(Named(PEOPLE))
    page = _ask(app, 2)
    assert (_uids(page), page.headers["Paging-Session"]) == (["2", "3"], "restarted")
    assert caplog.messages[-1] == "the paging session is gone that a page at start=2 continues"
    assert "Paging-Session" not in _ask(app, 4).headers


@pytest.mark.parametrize("mode", [0o777, 0o750])
def test_a_folder_that_is_not_the_users_alone_is_not_used(
    folder: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said at start, and the application goes on without."""
    folder.mkdir()
    folder.chmod(mode)
    app = _app(Named(PEOPLE))
    assert "each process for itself" in caplog.messages[-1]
    assert "mode 700" in caplog.messages[-1]
    assert (_uids(_ask(app, 0)), _uids(_ask(app, 2))) == (["0", "1"], ["2", "3"])
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("setting", ["/proc/none", "/dev/null"])
def test_a_setting_that_is_no_folder_is_said_at_start(
    setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the name of the setting."""
    app = _app(Named(PEOPLE), GLUU_CHANGES_PAGING_FOLDER=setting)
    assert "set GLUU_CHANGES_PAGING_FOLDER" in caplog.messages[-1]
    assert _uids(_ask(app, 0)) == ["0", "1"]


def test_a_folder_that_is_a_link_is_not_used(folder: Path, tmp_path: Path) -> None:
    """Somebody else may have made it."""
    (tmp_path / "other").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "other")
    assert prepare_folder("") is None


def test_what_applications_left_is_deleted_by_others(folder: Path) -> None:
    """Not at once, and nothing that a process uses."""
    assert prepare_folder("") == folder
    left, recent, used = (application_folder(folder, name) for name in ("left", "recent", "used"))
    mine = folder / "of somebody else's making"
    for path in (left, recent, used, mine):
        path.mkdir()
        (path / IN_USE).touch()
        (path / "a.snapshot").touch()
    user = FolderStore(used)
    user.connect().close()
    long_ago = time.time() - LEFT_SECONDS - 1
    for path in (*left.iterdir(), *used.iterdir(), *mine.iterdir()):
        os.utime(path, (long_ago, long_ago))
    delete_left(folder)
    assert {*folder.iterdir()} == {recent, used, mine}


def test_a_page_is_written_by_the_command_without_a_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`flask gluu-changes list` knows no server."""
    caplog.set_level(logging.WARNING)
    app = _app(MemoryBackend(PEOPLE))
    arguments = ["gluu-changes", "list", "--since", "2020-01-01T00:00:00Z"]
    assert app.test_cli_runner().invoke(args=arguments).exit_code == 0
