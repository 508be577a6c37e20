"""The client in the README runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.apps import OPERATION
from tests.support.authorization_server import AuthorizationServer
from tests.support.journal_site import Site
from tests.support.journals import Journal
from tests.support.serving import Serving
from tests.support.settings_table import README

CHAPTER = README.read_text().partition("## The change feed")[2].partition("\n## ")[0]
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", CHAPTER, re.S)


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
