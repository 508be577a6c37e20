"""The example application: a host of its own, a demo, a stand-in for Gluu."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.error
from pathlib import Path
from urllib.request import urlopen

import pytest
from flask import Flask

from example_app import create_app, sample
from flask_gluu_changes import ConfigurationError
from flask_gluu_changes.testing import person
from flask_gluu_changes.visibility.secret_names import NAMES
from tests.support.paths import ROOT
from tests.support.programs import printed_until, running
from tests.support.slapd import Slapd, free_port

EVERYBODY = (
    "/identity/restv1/scim/UpdatedUsers?timeStamp=1970-01-01T00:00:00Z&start=0&pagesize=1000"
)


def test_it_serves_a_thousand_people(host: Flask) -> None:
    """With no settings there are 1000 people, the documentation's sample among them."""
    people = host.test_client().get(EVERYBODY).get_json()["results"]
    assert len(people) == 1000
    (jane,) = (entry for entry in people if entry["uid"] == ["jdoe"])
    assert jane["updatedAt"] == ["2019-12-25T01:27:29.934Z"]
    assert jane["gluuSLAManager"] == [True]
    assert jane["myIntegerCustomAttribute"] == [123]
    assert len(jane["mail"]) == 2


def test_the_sample_request(host: Flask) -> None:
    """The sample request answers with the three keys and somebody in the results."""
    answer = host.test_client().get(sample.path_of(host))
    page = answer.get_json()
    assert answer.status_code == 200
    assert page.keys() == {"total", "latestUpdateAt", "results"}
    assert page["total"] == len(page["results"]) > 0


def test_no_secret_is_shown(host: Flask) -> None:
    """The embedded people have secrets, and nobody sees them."""
    answer = host.test_client().get(EVERYBODY)
    assert not any(name in answer.text for name in (*NAMES, "userPassword", "not-shown"))


def test_the_page_of_its_own(host: Flask) -> None:
    """The host's page shows the sample request, pages and documents that are all there."""
    client = host.test_client()
    page = client.get("/")
    assert page.mimetype == "text/html"
    assert '<html lang="en">' in page.text
    links = set(re.findall(r'(?:href|src)="([^"#]+)"', page.text))
    assert len([link for link in links if "/scim/" in link]) == 3
    for link in links:
        with client.get(link.replace("&amp;", "&")) as answer:
            assert answer.status_code == 200


def test_the_environment_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`FLASK_GLUU_CHANGES_…` variables are settings."""
    monkeypatch.setenv("FLASK_GLUU_CHANGES_ALLOW_BYPASS", "true")
    monkeypatch.setenv("FLASK_GLUU_CHANGES_MAX_PAGE_SIZE", "5")
    app = create_app()
    assert app.test_client().get(EVERYBODY).status_code == 400
    assert app.test_client().get(EVERYBODY.replace("1000", "5")).status_code == 200


def test_without_consent_it_does_not_start() -> None:
    """Under somebody else's server, being open to everybody has to be asked for."""
    with pytest.raises(ConfigurationError, match="GLUU_CHANGES_ALLOW_BYPASS"):
        create_app()


def test_without_python_ldap() -> None:
    """A directory without python-ldap is a sentence that says what to install."""
    code = (
        "import sys; sys.modules['ldap'] = None\n"
        "from example_app import create_app\n"
        "create_app(GLUU_CHANGES_LDAP_URI='ldap://127.0.0.1')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'flask-gluu-changes[ldap]'" in done.stderr


def test_as_a_program() -> None:
    """Started, it prints an answer and the curl line that gets it, and ends on a signal."""
    port = free_port()
    with running("--port", str(port)) as process:
        printed = printed_until(process, "Ctrl-C")
        (url,) = re.findall(r"curl '(.*)'", printed)
        assert url.startswith(f"http://127.0.0.1:{port}/identity/restv1/scim/UpdatedUsers?")
        assert json.loads(printed[: printed.index("\n... and")])["total"] > 0
        with urlopen(url) as answer:
            assert json.load(answer)["total"] > 0


def test_a_port_that_is_taken() -> None:
    """A port in use is a sentence and exit code 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "example_app", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "choose another one with --port" in done.stderr


def test_a_directory_by_the_environment(tmp_path: Path) -> None:
    """Pointed at a slapd it answers from there: 503 while that is down, 200 when it is up again."""
    with Slapd(tmp_path / "slapd") as server:
        classes = [b"gluuPerson", b"gluuCustomPerson"]
        entry = {**person("from-ldap"), "inum": [b"1"], "objectClass": classes}
        modlist = [(name, list(values)) for name, values in entry.items()]
        server.connect().add_s(f"inum=1,{server.base_dn}", modlist)
        environment = {
            "FLASK_GLUU_CHANGES_LDAP_URI": server.uri,
            "FLASK_GLUU_CHANGES_LDAP_BIND_DN": server.reader_dn,
            "FLASK_GLUU_CHANGES_LDAP_BIND_PASSWORD": server.reader_password,
        }
        port = free_port()
        with running("--port", str(port), **environment) as process:
            printed_until(process, "Ctrl-C")
            url = f"http://127.0.0.1:{port}{EVERYBODY}"
            assert "from-ldap" in urlopen(url).read().decode()
            server.stop()
            with pytest.raises(urllib.error.HTTPError, match="503") as down:
                urlopen(url)
            assert down.value.headers["Retry-After"]
            down.value.close()
            server.start()
            assert "from-ldap" in urlopen(url).read().decode()
