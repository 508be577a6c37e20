"""Every wait for a directory ends by the settings, whatever the other end does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic

import pytest

from flask_gluu_changes import BackendUnavailable, ChangesQuery
from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.testing import LONG_AGO, person
from tests.support.directory import Directory
from tests.support.lines import Port, Relay, silent_port, silent_start_tls
from tests.support.processes import standing_still
from tests.support.slapd import Slapd

from .conftest import MakeBackend

SHORT = {"LDAP_CONNECT_TIMEOUT": 1.0, "LDAP_OPERATION_TIMEOUT": 0.5}
PATIENCE = 10.0
"""Seconds; without an end of the waits it is minutes."""

pytestmark = pytest.mark.timeout(60)


@contextmanager
def soon() -> Iterator[None]:
    """Expect an end within a small multiple of the settings."""
    began = monotonic()
    yield
    assert monotonic() - began < PATIENCE


@contextmanager
def stopped(server: Slapd) -> Iterator[None]:
    """Have every thread of a slapd do nothing."""
    with standing_still(int((server.folder / "slapd.pid").read_text())):
        yield
    server.connect().unbind_s()  # it answers again


def people(backend: LdapBackend) -> int:
    """Count the people that a backend gives."""
    return len(list(backend.changes(ChangesQuery(LONG_AGO))))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A slapd with TLS and one person."""
    with Slapd(tmp_path_factory.mktemp("secure"), tls=True) as server:
        Directory(server).add("1", person("a"))
        yield server


@pytest.mark.parametrize(
    ("port", "scheme", "start_tls"),
    [
        (silent_port, "ldap", False),
        (silent_port, "ldaps", False),
        (silent_port, "ldap", True),
        (silent_start_tls, "ldap", True),
    ],
    ids=["bind", "ldaps", "StartTLS", "handshake after StartTLS"],
)
def test_behind_a_port_that_says_nothing_the_next_server_is_asked(
    secure: Slapd,
    backend_of: MakeBackend,
    port: Callable[[], Port],
    scheme: str,
    start_tls: bool,
) -> None:
    """Within the time-out for connecting, which includes the TLS handshake and the bind."""
    with port() as silent:
        uris = f"{scheme}://127.0.0.1:{silent.port} {secure.uri if start_tls else secure.ldaps_uri}"
        more = {"LDAP_CA_FILE": str(secure.ca_file), "LDAP_START_TLS": start_tls}
        backend = backend_of(secure, **{"LDAP_URI": uris, **more, **SHORT})
        with soon():
            assert people(backend) == 1
        assert silent.accepted


@pytest.mark.parametrize("way", ["StartTLS", "ldaps", "ldapi"])
def test_a_stopped_slapd_is_left_for_the_next(
    secure: Slapd, server: Slapd, backend_of: MakeBackend, way: str
) -> None:
    """On connections that are new, and on those of before, whose request alone fails."""
    Directory(server).add("1", person("a"))
    first = {"ldaps": secure.ldaps_uri, "ldapi": secure.ldapi_uri}.get(way, secure.uri)
    backend = backend_of(
        secure,
        LDAP_URI=f"{first} {server.ldapi_uri}",
        LDAP_CA_FILE=str(secure.ca_file),
        LDAP_START_TLS=way == "StartTLS" or "false",
        **SHORT,
    )
    assert people(backend) == 1
    with stopped(secure):
        with soon(), pytest.raises(BackendUnavailable):
            people(backend)
        with soon():
            assert people(backend) == 1


def test_after_one_dead_line_no_other_of_that_time_is_used(
    secure: Slapd, backend_of: MakeBackend
) -> None:
    """Nine idle lines that a firewall dropped cost one failed request, and not nine."""
    with Relay(secure.port) as relay:
        backend = backend_of(secure, LDAP_URI=f"ldap://127.0.0.1:{relay.port}", **SHORT)
        with ExitStack() as stack:
            for _ in range(9):
                stack.enter_context(backend._pool.borrow_new())
        assert people(backend) == 1
        relay.drop()
        with soon(), pytest.raises(BackendUnavailable):
            people(backend)
        with soon():
            assert {people(backend) for _ in range(9)} == {1}


def test_lines_that_were_idle_for_long_are_asked_before_they_are_used(
    secure: Slapd, backend_of: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no request fails where a firewall dropped them."""
    monkeypatch.setattr("flask_gluu_changes.backends.ldap.connection.TRUSTED_SECONDS", 0.0)
    with Relay(secure.port) as relay:
        backend = backend_of(secure, LDAP_URI=f"ldap://127.0.0.1:{relay.port}", **SHORT)
        assert people(backend) == 1
        relay.drop()
        with soon():
            assert people(backend) == 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("octets", [3, 40])
def test_half_a_message_ends(
    secure: Slapd, backend_of: MakeBackend, octets: int, tls: bool
) -> None:
    """A server that stops amid a message costs the time-out for an answer."""
    with Relay(int(secure.ldaps_uri.rpartition(":")[2]) if tls else secure.port) as relay:
        uri = f"{'ldaps' if tls else 'ldap'}://127.0.0.1:{relay.port}"
        more = {"LDAP_URI": uri, "LDAP_CA_FILE": str(secure.ca_file)}
        backend = backend_of(secure, **more, **SHORT)
        assert people(backend) == 1
        relay.stall(octets)
        with soon(), pytest.raises(BackendUnavailable):
            people(backend)


def test_an_opening_that_ends_cuts_no_other_connection(
    secure: Slapd, backend_of: MakeBackend
) -> None:
    """What is open by then to the same port stays open."""
    with Relay(secure.port) as relay:
        uri = f"ldap://127.0.0.1:{relay.port}"
        quick = backend_of(secure, LDAP_URI=uri, **SHORT)
        with quick._pool.borrow() as before:
            relay.stall(1)
            slow = backend_of(secure, LDAP_URI=uri, **SHORT)
            with soon(), pytest.raises(BackendUnavailable):
                people(slow)
            relay.stall(None)
            assert before.whoami_s()


def test_without_a_list_of_open_files_connections_are_opened_all_the_same(
    secure: Slapd, backend_of: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the end of a TLS handshake is libldap's matter then."""
    monkeypatch.setattr("flask_gluu_changes.backends.ldap.opening.OPEN_FILES", "/nowhere")
    assert people(backend_of(secure)) == 1
