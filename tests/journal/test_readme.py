"""The client in the README runs as it stands there, and so does the trial of the example."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from flask_gluu_changes.client import ChangesClient, FileTokenStore
from tests.support.apps import OPERATION
from tests.support.authorization_server import AuthorizationServer
from tests.support.journal_site import Site
from tests.support.journals import Journal
from tests.support.programs import PEOPLE_FILE, ROOT, printed_until
from tests.support.serving import Serving
from tests.support.settings_table import README
from tests.support.slapd import HOST, free_port

CHAPTER = README.read_text().partition("## The change feed")[2].partition("\n## ")[0]
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", CHAPTER, re.S)
(TRIAL,) = re.findall(r" +pip install --editable .*\n((?: {4}.*\n)+)", CHAPTER)


@contextmanager
def started(script: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a script of the README where the package is; all that it started ends with the block."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        ["bash", "-c", script],
        env={**os.environ, "PATH": path, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=20)


def test_the_trial_of_the_example_application(tmp_path: Path) -> None:
    """The lines of the README fill a journal from the example's own people, and serve it."""
    port = free_port()
    script = dedent(TRIAL).replace("journal.db", f"{tmp_path}/journal.db").rstrip()
    people = {PEOPLE_FILE: f"{tmp_path}/people.sqlite"}
    with started(f"{script} --port {port}", **people) as process:
        printed_until(process, "Ctrl-C")
        store = FileTokenStore(str(tmp_path / "token"))
        url = f"http://{HOST}:{port}{OPERATION}"
        with ChangesClient(url, store, http=httpx.Client(), repetitions=30) as client:
            told = {change.id for batch in client.drain() for change in batch.changes}
    assert len(told) == 1000


def test_the_client_of_the_readme_prints_everybody(
    journal: Journal,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """To the end, once; then it keeps its token."""
    monkeypatch.chdir(tmp_path)
    journal.put("a")
    with AuthorizationServer() as server, Serving(site.app) as serving:
        assert isinstance(server, AuthorizationServer)
        server.clients["replica"] = "the secret"
        code = EXAMPLE.replace("https://idp.example.org/token", f"{server.url}/token")
        code = code.replace(f"https://idp.example.org{OPERATION}", serving.url + OPERATION)
        exec(code.replace("client.follow(wait=30)", "client.drain()"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "created a {'inum': ['a'], 'uid': ['a']}",
        "remove everybody but {'a'}",
    ]
    assert (tmp_path / "token").read_text()
