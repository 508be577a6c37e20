"""The authorization server's certificate."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flask_gluu_changes import ConfigurationError
from tests.support.authorization_server import AuthorizationServer
from tests.support.protection import Site, settings


@pytest.fixture
def tls(tmp_path: Path) -> tuple[str, str]:
    """Make a certificate that signs itself, for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    day = timedelta(days=1)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(files[0]), str(files[1])


@pytest.fixture
def server(tls: tuple[str, str]) -> Iterator[AuthorizationServer]:
    with AuthorizationServer(tls) as server:
        assert isinstance(server, AuthorizationServer)
        yield server


def test_a_trusted_certificate_opens(server: AuthorizationServer, tls: tuple[str, str]) -> None:
    site = Site(server, settings(server, "oauth", issuer_ca_file=tls[0]), "bare")
    assert site.get(server.issue()).status_code == 200
    site.protector.close()


def test_an_unknown_certificate_closes(
    server: AuthorizationServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so, and which setting trusts it."""
    site = Site(server, settings(server, "oauth"), "bare")
    assert site.get(server.issue()).status_code == 503
    assert not server.requests
    assert "the certificate is not trusted: self-signed certificate; GLUU_CHANGES" in caplog.text
    site.protector.close()


def test_certificates_that_cannot_be_read_are_named_at_start(
    server: AuthorizationServer, tls: tuple[str, str]
) -> None:
    for path in ("/nowhere/ca.pem", tls[1]):
        with pytest.raises(ConfigurationError, match="ISSUER_CA_FILE"):
            Site(server, settings(server, "oauth", issuer_ca_file=path), "bare")
