"""A directory that will not give the whole result: 500, advice in the log, never a short list."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import ldap
import pytest

from flask_gluu_changes import BackendRefused, BackendUnavailable
from flask_gluu_changes.backends.ldap.errors import to_backend_error
from flask_gluu_changes.testing import NOON, person
from tests.support.directory import Directory, client_of
from tests.support.people import PEOPLE_DN, READER_DN
from tests.support.slapd import DEFAULT_INDEXES, TIME_INDEXES, Slapd

from .conftest import MakeBackend
from .test_updated_users import OPERATION, iso

SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
QUERY = {"timeStamp": iso(NOON), "pagesize": "10"}
PEOPLE = 30


def refusal(
    server: Slapd, backend_of: MakeBackend, caplog: pytest.LogCaptureFixture, **settings: Any
) -> str:
    """Ask, check the answer that tells nothing, and give what the operator reads."""
    with caplog.at_level(logging.ERROR, "flask_gluu_changes"):
        answer = client_of(backend_of(server, **settings)).get(OPERATION, query_string=QUERY)
    body = answer.get_json()
    assert (answer.status_code, body["status"], body["schemas"]) == (500, "500", [SCIM_ERROR])
    assert not {"o=gluu", "objectClass", "Error", "inum"} & set(body["detail"].split())
    assert not any(part in body["detail"] for part in ("=", "ldap", "LDAP", "(", "u0"))
    return caplog.text


@pytest.mark.parametrize("indexes", [DEFAULT_INDEXES, TIME_INDEXES], ids=["unindexed", "indexed"])
@pytest.mark.parametrize(
    ("limit", "advice"),
    [("size=20", "raise the size limit"), ("size.unchecked=20", "look-through limit")],
)
def test_a_limit_of_the_directory(
    tmp_path: Path,
    backend_of: MakeBackend,
    caplog: pytest.LogCaptureFixture,
    indexes: tuple[str, ...],
    limit: str,
    advice: str,
) -> None:
    """A limit smaller than the result is an error, even one that slapd itself hides."""
    limits = [f'limits dn.exact="{READER_DN}" {limit}']
    with Slapd(tmp_path / "slapd", indexes=indexes, limits=limits) as server:
        directory = Directory(server)
        for i in range(PEOPLE):
            directory.add(str(i), person(f"u{i}"))
        assert advice in refusal(server, backend_of, caplog)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"LDAP_BIND_PASSWORD": "wr0ng"}, "check GLUU_CHANGES_LDAP_BIND_DN"),
        ({"LDAP_BASE_DN": "ou=nobody,o=gluu"}, "check GLUU_CHANGES_LDAP_BASE_DN"),
        ({"LDAP_BASE_DN": "not a name"}, "correct GLUU_CHANGES_LDAP_BASE_DN"),
        ({"LDAP_OBJECT_CLASS": "gluuPersn"}, "GLUU_CHANGES_LDAP_OBJECT_CLASS names gluuPersn"),
    ],
)
def test_a_mistake_of_the_operator(
    server: Slapd,
    backend_of: MakeBackend,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, str],
    advice: str,
) -> None:
    """A wrong password or base is named in the log with what to check, secrets left out."""
    logged = refusal(server, backend_of, caplog, **settings)
    assert advice in logged
    assert "wr0ng" not in logged


def test_people_nobody_may_read(
    tmp_path: Path, backend_of: MakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """An account without any right on the people is an error, not an empty answer."""
    closed = f'access to dn.subtree="{PEOPLE_DN}" by * none\naccess to * by * read'
    with Slapd(tmp_path / "slapd", extra=closed) as server:
        assert "check GLUU_CHANGES_LDAP_BASE_DN" in refusal(server, backend_of, caplog)


def test_people_on_another_server(
    server: Slapd, backend_of: MakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """A reference to another server is no end of the list."""
    directory = Directory(server)
    directory.add("1", person("a"))
    directory.admin.add_ext_s(
        f"ou=far,{PEOPLE_DN}",
        [
            ("objectClass", [b"referral", b"extensibleObject"]),
            ("ou", [b"far"]),
            ("ref", [b"ldap://127.0.0.1:1/ou=far"]),
        ],
        serverctrls=[ldap.controls.simple.ManageDSAITControl()],
    )
    assert "refers to another server" in refusal(server, backend_of, caplog)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("updateAt", "does not have"), ("UPDATEDAT", "spell it updatedAt"), ("a)(uid=*", "not have")],
)
def test_a_time_attribute_that_is_none(
    server: Slapd,
    backend_of: MakeBackend,
    caplog: pytest.LogCaptureFixture,
    name: str,
    hint: str,
) -> None:
    """A time attribute with a typing error would never match, so it is refused."""
    client = client_of(backend_of(server), TIME_ATTRIBUTES=[name])
    with caplog.at_level(logging.ERROR):
        assert client.get(OPERATION, query_string=QUERY).status_code == 500
    assert hint in caplog.text


@pytest.mark.parametrize(
    "error", [ldap.TIMELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED, ldap.CONFIDENTIALITY_REQUIRED]
)
def test_what_trying_again_does_not_heal(error: type[ldap.LDAPError]) -> None:
    """These results need an operator, who is told what to do."""
    told = to_backend_error(error({"desc": "because"}), "searching")
    assert isinstance(told, BackendRefused)
    assert "because" in str(told)
    assert "see the directory's log" not in str(told)


@pytest.mark.parametrize("error", [ldap.BUSY, ldap.UNAVAILABLE, ldap.TIMEOUT, ldap.CONNECT_ERROR])
def test_what_may_pass(error: type[ldap.LDAPError]) -> None:
    """These results may be gone the next time."""
    assert isinstance(to_backend_error(error(), "searching"), BackendUnavailable)
