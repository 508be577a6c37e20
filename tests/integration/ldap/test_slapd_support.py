"""The private slapd of the tests does what the tests rely on."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ldap
import pytest
from ldap.schema import AttributeType, ObjectClass, SubSchema

from tests.support import people
from tests.support.slapd import TIME_INDEXES, Slapd, SlapdError, slapd_program

START = datetime(2019, 12, 25, 1, 27, 29, 934_000, tzinfo=UTC)
STEP = timedelta(minutes=1)
SYNTAX = "1.3.6.1.4.1.1466.115.121.1."
BINARY_CERTIFICATE = "userCertificate"  # travels as userCertificate;binary (RFC 4523)
VALUES = {
    "7": [b"TRUE"],
    "11": [b"DE"],
    "12": [people.PEOPLE_DN.encode(), people.GROUPS_DN.encode()],
    "15": ["Größe".encode(), b"second"],
    "24": [b"20191225012729.934Z"],
    "26": [b"one@example.org", b"two@example.org"],
    "27": [b"12345678901234567890"],
    "40": [b"\x00\xff\xfe", b"secret"],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    server = Slapd(tmp_path_factory.mktemp("slapd"), tls=True)
    with server:
        yield server


def values_of(schema: SubSchema, name: str, certificate: bytes) -> list[bytes]:
    """Choose values that fit an attribute's syntax: one, or all that there are."""
    attribute = schema.get_inheritedobj(AttributeType, name, ["syntax"])
    if name == BINARY_CERTIFICATE:
        return [certificate]
    values = VALUES[attribute.syntax.removeprefix(SYNTAX)]
    return values[:1] if attribute.single_value else values


def gluu_person(schema: SubSchema, certificate: bytes) -> dict[str, list[bytes]]:
    """Fill every attribute of gluuPerson and the custom ones of gluuCustomPerson."""
    person = schema.get_obj(ObjectClass, "gluuPerson")
    custom = schema.get_obj(ObjectClass, "gluuCustomPerson")
    names = [*person.must, *person.may, *(n for n in custom.may if n.startswith("my"))]
    entry = {name: values_of(schema, name, certificate) for name in names}
    entry[f"{BINARY_CERTIFICATE};binary"] = entry.pop(BINARY_CERTIFICATE)
    return {"objectClass": people.PERSON_CLASSES, **entry, "jpegPhoto": [b"\xff\xd8\xff\xe0"]}


def read_schema(connection: Any) -> SubSchema:
    """Read the schema that the server publishes."""
    return SubSchema(connection.read_subschemasubentry_s(connection.search_subschemasubentry_s()))


def count(connection: Any, filterstr: str) -> int:
    """Count the people that a filter finds."""
    found = connection.search_s(people.PEOPLE_DN, ldap.SCOPE_ONELEVEL, filterstr, ["1.1"])
    return len(found)


def test_every_attribute_of_a_person_is_kept_byte_by_byte(server: Slapd) -> None:
    """One value of each syntax, several where the schema says so, comes back as written."""
    connection = server.connect()
    certificate = ssl.PEM_cert_to_DER_cert(server.ca_file.read_text())
    entry = gluu_person(read_schema(connection), certificate)
    dn = f"inum={entry['inum'][0].decode()},{server.base_dn}"
    connection.add_s(dn, list(entry.items()))
    [(_, read)] = connection.search_s(dn, ldap.SCOPE_BASE)
    assert {name: sorted(v) for name, v in read.items()} == {
        name: sorted(v) for name, v in entry.items()
    }
    connection.delete_s(dn)
    connection.unbind_s()


def test_the_reader_reads_and_does_not_write(server: Slapd) -> None:
    """The service account of the base data has no right to change anything."""
    connection = server.connect(server.reader_dn, server.reader_password)
    assert connection.search_s(server.attributes_dn, ldap.SCOPE_BASE)
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        connection.delete_s(server.attributes_dn)
    connection.unbind_s()


@pytest.mark.parametrize("scheme", ["ldaps", "StartTLS"])
def test_tls_is_verified_against_the_authority(server: Slapd, scheme: str) -> None:
    """A client that trusts ca_file, and demands a valid certificate, gets through."""
    connection = ldap.initialize(server.ldaps_uri if scheme == "ldaps" else server.uri)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(server.ca_file))
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    if scheme == "StartTLS":
        connection.start_tls_s()
    connection.simple_bind_s(server.reader_dn, server.reader_password)
    assert connection.whoami_s() == f"dn:{server.reader_dn}"
    connection.unbind_s()


def test_tls_is_refused_without_the_authority(server: Slapd) -> None:
    """A client that does not know the authority does not get through."""
    connection = ldap.initialize(server.ldaps_uri)
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    with pytest.raises(ldap.SERVER_DOWN):
        connection.simple_bind_s(server.reader_dn, server.reader_password)
    connection.unbind_s()


def test_the_local_socket_answers(server: Slapd) -> None:
    """ldapi reaches the same data."""
    connection = server.connect(uri=server.ldapi_uri)
    assert connection.whoami_s() == f"dn:{server.admin_dn}"
    connection.unbind_s()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_restart_keeps_the_port_and_the_data(tmp_path: Path, way: str) -> None:
    """After an orderly end and after a crash, the same address serves the same people."""
    server = Slapd(tmp_path)
    with server:
        connection, uri = server.connect(), server.uri
        entry = people.person(1, created=START, updated=None)
        connection.add_s(people.person_dn(1), list(entry.items()))
        getattr(server, way)()
        with pytest.raises(ldap.SERVER_DOWN):
            ldap.initialize(uri).whoami_s()
        server.start()
        server.restart()
        assert server.uri == uri
        assert count(connection, "(uid=user0000001)") == 1
        connection.unbind_s()


@pytest.mark.parametrize("indexes", [(), TIME_INDEXES])
def test_a_thousand_people_are_loaded_and_found(tmp_path: Path, indexes: list[str]) -> None:
    """slapadd takes the generated people, and a time filter finds exactly the newer ones."""
    server = Slapd(tmp_path, indexes=indexes)
    people.write_people_ldif(tmp_path / "people.ldif", 1000, start=START, step=STEP)
    server.load(tmp_path / "people.ldif")
    server.load(people.gluu_attribute("gluuSLAManager", "boolean"))
    bound = people.generalized_time(START + 900 * STEP).decode()
    with server:
        connection = server.connect()
        assert count(connection, "(objectClass=gluuPerson)") == 1000
        assert count(connection, f"(|(updatedAt>={bound})(oxCreationTimestamp>={bound}))") == 100
        assert len(connection.search_s(server.attributes_dn, ldap.SCOPE_ONELEVEL)) == 1
        connection.unbind_s()


def test_the_overlays_can_be_switched_on(tmp_path: Path) -> None:
    """sssvlv, syncprov and memberof work on top of the schema's own memberOf."""
    extra = (
        "overlay sssvlv\noverlay syncprov\nsyncprov-checkpoint 1000 10\n"
        "overlay memberof\nmemberof-group-oc gluuGroup\nmemberof-member-ad member"
    )
    with Slapd(tmp_path, extra=extra) as server:
        connection = server.connect()
        person = people.person(1, created=START, updated=START)
        connection.add_s(people.person_dn(1), list(person.items()))
        group = {"objectClass": [b"gluuGroup"], "member": [people.person_dn(1).encode()]}
        connection.add_s(f"inum=60B7,{people.GROUPS_DN}", list(group.items()))
        assert count(connection, f"(memberOf=inum=60B7,{people.GROUPS_DN})") == 1
        connection.unbind_s()


def test_a_bad_configuration_is_reported_with_slapds_own_words(tmp_path: Path) -> None:
    """What slapd or slapadd said is in the exception."""
    with pytest.raises(SlapdError, match="nonsense"):
        Slapd(tmp_path, extra="nonsense here")


def test_a_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    """A slapd that ends by itself does not make the tests wait."""
    with Slapd(tmp_path / "one") as first:
        second = Slapd(tmp_path / "two")
        second.port = first.port
        with pytest.raises(SlapdError, match="ended by itself"):
            second.start()


def test_no_slapd_outlives_its_python(tmp_path: Path) -> None:
    """A Python that is killed takes its slapd with it."""
    script = (
        "import sys; from pathlib import Path; from tests.support.slapd import Slapd\n"
        "server = Slapd(Path(sys.argv[1])); server.start()\n"
        "print(server._process.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as python:
        assert python.stdout is not None
        pid = int(python.stdout.readline())
        python.send_signal(signal.SIGKILL)
    assert ended(pid)


def ended(pid: int) -> bool:
    """Wait a while for a process that is not our child to be gone, or a zombie."""
    for _ in range(500):
        if not is_slapd(pid):
            return True
        time.sleep(0.01)
    return False


def is_slapd(pid: int) -> bool:
    """Tell whether a process lives and runs slapd."""
    done = subprocess.run(["ps", "-o", "stat=,comm=", "-p", str(pid)], capture_output=True)
    state, _, name = done.stdout.decode().strip().partition(" ")
    return os.path.basename(slapd_program()) in name and not state.startswith("Z")
