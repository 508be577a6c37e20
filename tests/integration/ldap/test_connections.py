"""Ways to a directory, and what happens when it goes away."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from flask_gluu_changes import BackendUnavailable, ChangesQuery, ConfigurationError
from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.testing import NOON, person
from tests.support.directory import Directory, client_of, config_of
from tests.support.paths import ROOT
from tests.support.processes import standing_still
from tests.support.scraped import make_app, scrape
from tests.support.slapd import Slapd, free_port

from .conftest import MakeBackend
from .test_updated_users import OPERATION, iso

QUERY = {"timeStamp": iso(NOON), "pagesize": "10"}
DEAD = f"ldap://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A slapd with TLS and one person, who is shown to bound clients only."""
    folder = tmp_path_factory.mktemp("secure")
    with Slapd(folder, tls=True, extra="access to * by users read by anonymous auth") as server:
        Directory(server).add("1", person("a"))
        yield server


@pytest.mark.parametrize(
    ("address", "settings"),
    [
        ("uri", {}),
        ("uri", {"LDAP_START_TLS": True, "LDAP_CA_FILE": "ca_file"}),
        ("ldaps_uri", {"LDAP_CA_FILE": "ca_file"}),
        ("ldapi_uri", {}),
        (
            "ldapi_uri",
            {"LDAP_BIND_METHOD": "external", "LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": ""},
        ),
    ],
    ids=["ldap", "StartTLS", "ldaps", "ldapi", "ldapi EXTERNAL"],
)
def test_every_way_leads_there(
    secure: Slapd, backend_of: MakeBackend, address: str, settings: dict[str, Any]
) -> None:
    """Each kind of URI and of bind reads the people as somebody."""
    files = {k: str(secure.ca_file) for k, v in settings.items() if v == "ca_file"}
    uri = getattr(secure, address)
    client = client_of(backend_of(secure, **{"LDAP_URI": uri, **settings, **files}))
    assert client.get(OPERATION, query_string=QUERY).get_json()["total"] == 1


@pytest.mark.parametrize(
    ("address", "start_tls"), [("uri", True), ("ldaps_uri", False)], ids=["StartTLS", "ldaps"]
)
def test_a_stranger_with_a_certificate_gets_no_password(
    secure: Slapd, backend_of: MakeBackend, address: str, start_tls: bool
) -> None:
    """A server whose certificate no known authority signed is not talked to."""
    backend = backend_of(secure, LDAP_URI=getattr(secure, address), LDAP_START_TLS=start_tls)
    answer = client_of(backend).get(OPERATION, query_string=QUERY)
    assert answer.status_code == 503


def test_the_next_server_answers(server: Slapd, backend_of: MakeBackend) -> None:
    """When the first server is down, the second one is asked."""
    client = client_of(backend_of(server, LDAP_URI=f"{DEAD}, {server.uri}"))
    assert client.get(OPERATION, query_string=QUERY).status_code == 200


def test_a_restart_of_the_directory_costs_nothing(server: Slapd) -> None:
    """Idle connections that a restart cut are replaced without an error."""
    directory = Directory(server)
    directory.add("1", person("a"))
    client = client_of(directory.backend)
    with directory.backend._pool.borrow_new(), directory.backend._pool.borrow_new():
        pass
    for _ in range(3):
        assert client.get(OPERATION, query_string=QUERY).get_json()["total"] == 1
        server.restart()


def test_down_is_503_and_up_again_200(server: Slapd, backend_of: MakeBackend) -> None:
    """A stopped directory is 503 with Retry-After; started again it answers the same app."""
    client = client_of(backend_of(server))
    for _ in range(2):
        assert client.get(OPERATION, query_string=QUERY).status_code == 200
        server.stop()
        answer = client.get(OPERATION, query_string=QUERY)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        server.start()
    assert client.get(OPERATION, query_string=QUERY).status_code == 200


def test_a_ping_tells_whether_a_server_answers(server: Slapd, backend_of: MakeBackend) -> None:
    """Also on a connection that was open when the directory went away."""
    backend, query = backend_of(server), ChangesQuery(NOON)
    backend.ping(query)
    server.stop()
    with pytest.raises(BackendUnavailable):
        backend.ping(query)
    server.start()
    backend.ping(query)


@pytest.mark.parametrize("warm", [False, True], ids=["first request", "later request"])
def test_a_directory_that_hangs_is_503(server: Slapd, backend_of: MakeBackend, warm: bool) -> None:
    """A server that accepts but never answers costs no more than the time-outs."""
    backend = backend_of(server, LDAP_OPERATION_TIMEOUT=0.3, LDAP_CONNECT_TIMEOUT=0.3)
    client = client_of(backend)
    if warm:
        client.get(OPERATION, query_string=QUERY)
    with standing_still(int((server.folder / "slapd.pid").read_text())):
        assert client.get(OPERATION, query_string=QUERY).status_code == 503
    assert client.get(OPERATION, query_string=QUERY).status_code == 200


def test_connections_are_counted(server: Slapd, backend_of: MakeBackend) -> None:
    """Those in use, and those that wait for work: for metrics, of this process alone."""
    directory, backend = Directory(server), backend_of(server)
    for name in "ab":
        directory.add(name, person(name))
    query = ChangesQuery(NOON)
    assert backend.connections() == {"ldap": (0, 0)}
    first, second = backend.changes(query), backend.changes(query)
    next(first)
    assert backend.connections() == {"ldap": (0, 1)}
    next(second)
    assert backend.connections() == {"ldap": (0, 2)}
    assert len(list(first)) == 1
    assert backend.connections() == {"ldap": (1, 1)}
    del second
    assert backend.connections() == {"ldap": (1, 0)}  # unread answers are on the other one
    found = scrape(make_app("bare", backend))
    assert found['connections{pool="ldap",state="idle"}'] == 1
    assert found['connections{pool="ldap",state="used"}'] == 0
    backend.close()
    assert backend.connections() == {"ldap": (0, 0)}


def test_connections_that_broke_are_not_counted(server: Slapd, backend_of: MakeBackend) -> None:
    """Neither as idle nor as used, whatever they were; then new ones are."""
    backend, query = backend_of(server), ChangesQuery(NOON)
    backend.ping(query)
    server.stop()
    with pytest.raises(BackendUnavailable):
        backend.ping(query)
    assert backend.connections() == {"ldap": (0, 0)}
    server.start()
    backend.ping(query)
    assert backend.connections() == {"ldap": (1, 0)}


def test_nothing_connects_before_the_first_request() -> None:
    """A backend can be made while its directory is down."""
    backend = LdapBackend.from_config({"GLUU_CHANGES_LDAP_URI": DEAD})
    with pytest.raises(BackendUnavailable, match="SERVER_DOWN"):
        backend.attribute_type("uid")


FORKS = """
import json, os, sys
from tests.integration.ldap.test_connections import NOON, LdapBackend
from flask_gluu_changes import ChangesQuery
backend = LdapBackend.from_config(json.loads(sys.argv[1]))
count = lambda: len(list(backend.changes(ChangesQuery(NOON))))
assert count() == 1
((handle, _),) = backend._pool._idle
child = os.fork()
assert all(count() == 1 for _ in range(50))
if child:
    assert os.waitpid(child, 0)[1] == 0
    handle.whoami_s()
"""


def test_a_child_speaks_on_its_own_connection(server: Slapd) -> None:
    """After a fork, parent and child both get their own whole answers."""
    Directory(server).add("1", person("a"))
    subprocess.run(
        [sys.executable, "-c", FORKS, json.dumps(config_of(server))],
        check=True,
        cwd=ROOT,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "GLUU_CHANGES_LDAP_URI is missing"),
        ({"LDAP_URI": "http://x"}, "URIs start with ldap://"),
        ({"LDAP_URI": DEAD, "LDAP_BIND_DN": "cn=x"}, "go together"),
        (
            {"LDAP_URI": DEAD, "LDAP_BIND_METHOD": "external", "LDAP_BIND_DN": "cn=x"},
            "mean nothing",
        ),
        ({"LDAP_URI": DEAD, "LDAP_CERT_FILE": "x.pem"}, "go together"),
        ({"LDAP_URI": "ldapi:///", "LDAP_START_TLS": "true"}, "there is none"),
    ],
)
def test_wrong_settings_fail_at_start(settings: dict[str, str], sentence: str) -> None:
    """An operator's mistake is named before anything is served."""
    with pytest.raises(ConfigurationError, match=sentence):
        LdapBackend.from_config({f"GLUU_CHANGES_{k}": v for k, v in settings.items()})


@pytest.mark.parametrize(
    ("uri", "start_tls", "warned"),
    [
        ("ldap://directory.example.org", False, True),
        ("ldap://directory.example.org", True, False),
        ("ldaps://directory.example.org", False, False),
        ("ldap://localhost ldap://127.0.0.1 ldap://[::1]:389", False, False),
        ("ldapi:///", False, False),
    ],
)
def test_a_password_in_the_clear_is_warned_of(
    uri: str, start_tls: bool, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever sends a password over the network unencrypted is told so at start."""
    settings = {"LDAP_URI": uri, "LDAP_BIND_DN": "cn=x", "LDAP_BIND_PASSWORD": "secret"}
    settings["LDAP_START_TLS"] = str(start_tls)
    LdapBackend.from_config({f"GLUU_CHANGES_{k}": v for k, v in settings.items()})
    assert ("unencrypted" in caplog.text) is warned
    assert "secret" not in caplog.text
