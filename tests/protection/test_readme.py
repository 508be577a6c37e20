"""What the README says of protection is so: its settings are known, and its examples run."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.extension import SETTINGS
from flask_gluu_changes.protection import ProtectionSettings
from flask_gluu_changes.settings.fields import key_of
from tests.support.authorization_server import AuthorizationServer
from tests.support.settings_table import README

from .conftest import PATH, PEOPLE, QUERY, settings

CHAPTER = README.read_text().partition("\n## Protection\n")[2].partition("\n## ")[0]
EXAMPLES = re.findall(r"```python\n(.*?)```", CHAPTER, re.S)
FOR_EACH_SERVER = CHAPTER.partition("### Settings for each server")[2].partition("\n### ")[0]


def run(example: str, app: Flask) -> None:
    """Execute an example with the names that a host application has."""
    names: dict[str, Any] = {"app": app, "changes": GluuChanges(), "backend": MemoryBackend(PEOPLE)}
    exec(compile(example, str(README), "exec"), names)


def test_every_setting_of_the_chapter_exists() -> None:
    """A reader copies them."""
    known = {key_of(field) for cls in SETTINGS for field in fields(cls)}
    assert set(re.findall(r"GLUU_CHANGES_[A-Z_]+", CHAPTER)) <= known


def test_the_settings_for_each_server_are_complete() -> None:
    """Each block, as it stands there, is one that an application starts with."""
    blocks = re.findall(r"(?:^ {4}GLUU_CHANGES_.*\n)+", FOR_EACH_SERVER, re.M)
    assert len(blocks) == 5
    for block in blocks:
        lines = re.findall(r"^ {4}(\w+)=(.*?)(?: +#.*)?$", block, re.M)
        assert ProtectionSettings.load(dict(lines)).protection in ("oauth", "uma")


def test_a_host_protects_a_route_of_its_own(server: AuthorizationServer) -> None:
    """The first example refuses without a token, and counts with one."""
    app = Flask("example")
    app.config.update(settings(server, "oauth"))
    run(EXAMPLES[0], app)
    client = app.test_client()
    assert client.get("/people/count").status_code == 401
    headers = {"Authorization": f"Bearer {server.issue()}"}
    assert client.get("/people/count", headers=headers).get_json() == {"people": 1}
    assert client.get(f"{PATH}?{QUERY}", headers=headers).status_code == 200
    app.extensions["gluu_changes"].protector.close()


def test_a_host_brings_a_guard_of_its_own() -> None:
    """The second example lets the gateway in and nobody else."""
    app = Flask("example")
    run(EXAMPLES[1], app)
    client = app.test_client()
    assert client.get(f"{PATH}?{QUERY}").status_code == 403
    headers = {"X-Gateway-Key": "the key"}
    assert client.get(f"{PATH}?{QUERY}", headers=headers).status_code == 200
