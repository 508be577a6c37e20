"""Every call of the client ends, over real sockets, in time and within its memory."""

from __future__ import annotations

import errno
import gzip
import os
import resource
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from flask_gluu_changes.client import (
    ChangesClient,
    ChangesError,
    ChangesRefused,
    ChangesUnavailable,
    ClientCredentials,
    FileTokenStore,
    MemoryTokenStore,
)
from tests.support.lines import Port, silent_port

Serve = Callable[[socket.socket], None]

SOON = 5.0
"""Seconds; without an end of the calls it is minutes."""

PAGE = b'{"results": [], "nextDeltaToken": {"value": "t"}}'
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

pytestmark = pytest.mark.timeout(60)


@contextmanager
def soon() -> Iterator[None]:
    """Expect an end within a small multiple of the time-outs."""
    began = monotonic()
    yield
    assert monotonic() - began < SOON


def client_of(url: str, **more: Any) -> ChangesClient:
    """Make a client with short time-outs that repeats nothing."""
    http = httpx.Client(
        timeout=more.pop("timeout", 0.5), trust_env=False, auth=more.pop("auth", None)
    )
    more = {"answer_timeout": 1.0, "repetitions": 0, **more}
    return ChangesClient(url, MemoryTokenStore(more.pop("token", "")), http=http, **more)


def expect_end(
    client: ChangesClient, kind: type[ChangesError] = ChangesUnavailable, match: str = ""
) -> None:
    """Expect that a call ends soon with an error."""
    with client, soon(), pytest.raises(kind, match=match):
        list(client.drain())


def url_of(port: Port, scheme: str = "http") -> str:
    """Give the URL of a port."""
    return f"{scheme}://127.0.0.1:{port.port}/"


def dripping(*parts: bytes) -> Serve:
    """Send the first part at once, and the others octet by octet."""

    def serve(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(parts[0])
        for octet in b"".join(parts[1:]):
            line.sendall(bytes([octet]))
            sleep(0.05)

    return serve


def answering(*answers: bytes) -> Serve:
    """Answer the requests of a connection."""

    def serve(line: socket.socket) -> None:
        for answer in answers:
            line.recv(65536)
            line.sendall(answer)

    return serve


def whole(body: bytes, *headers: bytes) -> bytes:
    """Make an answer."""
    return OK + b"".join(headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


DRIPS = [
    dripping(b"", OK + b"X-Long: " + b"x" * 1000),
    dripping(OK + b"Content-Length: 100000\r\n\r\n", b" " * 1000),
    dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 1000),
]


@pytest.mark.parametrize("serve", DRIPS, ids=["head", "body", "chunks"])
@pytest.mark.parametrize("timeout", [0.5, None], ids=["with time-outs", "without"])
def test_an_answer_that_drips_ends(serve: Serve, timeout: float | None) -> None:
    """Also where the client of httpx has no time-outs at all."""
    with (
        Port(serve) as port,
        client_of(url_of(port), timeout=timeout) as client,
        soon(),
        pytest.raises(ChangesUnavailable),
    ):
        list(client.drain())


def test_a_drip_on_a_connection_of_before_ends() -> None:
    """A connection that is used again is cut as a new one is."""

    def serve(line: socket.socket) -> None:
        answering(whole(PAGE))(line)
        DRIPS[1](line)

    with Port(serve) as port, client_of(url_of(port)) as client:
        list(client.drain())
        with soon(), pytest.raises(ChangesUnavailable):
            list(client.drain())
        assert len(port.accepted) == 1


@pytest.mark.parametrize("serve", [lambda line: None, *DRIPS], ids=["silence", *"123"])
def test_a_token_endpoint_that_drips_or_says_nothing_ends(serve: Serve) -> None:
    """The time-outs are those of the client of httpx."""
    with Port(serve) as port:
        auth = ClientCredentials(url_of(port), "id", "secret")
        with (
            client_of(url_of(port), auth=auth) as client,
            soon(),
            pytest.raises(ChangesUnavailable),
        ):
            list(client.drain())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_port_that_says_nothing_ends(scheme: str) -> None:
    """In the TLS handshake or after the request."""
    with (
        silent_port() as port,
        client_of(url_of(port, scheme)) as client,
        soon(),
        pytest.raises(ChangesUnavailable),
    ):
        list(client.drain())


def test_the_wait_comes_on_top_of_the_time_outs() -> None:
    """So that a server may wait for longer than the read timeout."""

    def serve(line: socket.socket) -> None:
        line.recv(65536)
        sleep(1.5)
        line.sendall(whole(PAGE))

    with Port(serve) as port, client_of(url_of(port), token="t") as client:
        assert list(client.drain(wait=5)) == []


def _bomb() -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    blanks = b" " * 2**20
    return b"".join(packer.compress(blanks) for _ in range(200)) + packer.flush()


@pytest.mark.parametrize("auth", [False, True], ids=["page", "token"])
def test_a_small_answer_that_unpacks_to_a_large_one_is_refused(
    auth: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without unpacking it all: memory stays flat."""
    monkeypatch.setattr("flask_gluu_changes.client.exchange.MAX_OCTETS", 2**20)
    answer = whole(_bomb(), b"Content-Encoding: gzip\r\n")
    with Port(answering(answer)) as port:
        sender = ClientCredentials(url_of(port), "id", "secret") if auth else None
        with client_of(url_of(port), auth=sender, answer_timeout=30) as client:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with pytest.raises(ChangesRefused, match=r"larger than \d+ octets") as caught:
                list(client.drain())
            assert ("ask for a smaller count" in str(caught.value)) is not auth
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000  # KiB


def test_an_answer_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is larger than what fits."""
    monkeypatch.setattr("flask_gluu_changes.client.exchange.MAX_OCTETS", 100_000)

    def serve(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(OK + b"\r\n")
        while True:
            line.sendall(b" " * 65536)

    with (
        Port(serve) as port,
        client_of(url_of(port)) as client,
        soon(),
        pytest.raises(ChangesRefused, match="larger than 100000"),
    ):
        list(client.drain())


@pytest.mark.parametrize("coding", [b"gzip", b"x-gzip", b"deflate", b"identity"])
def test_answers_that_a_proxy_packed_are_read(coding: bytes) -> None:
    """As long as it is a way that was asked for."""
    bodies = {b"deflate": zlib.compress(PAGE), b"identity": PAGE}
    body = bodies.get(coding) or gzip.compress(PAGE)
    answer = whole(body, b"Content-Encoding: " + coding + b"\r\n")
    with Port(answering(answer)) as port, client_of(url_of(port)) as client:
        assert len(list(client.drain())) == 1


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"gzip, gzip", b"gzip"])
def test_answers_that_cannot_be_unpacked_are_unavailable(coding: bytes) -> None:
    """They may come otherwise the next time."""
    answer = whole(PAGE, b"Content-Encoding: " + coding + b"\r\n")
    with (
        Port(answering(answer)) as port,
        client_of(url_of(port)) as client,
        pytest.raises(ChangesUnavailable),
    ):
        list(client.drain())


def test_why_a_server_cannot_be_reached_is_told() -> None:
    """In the words of this machine's system."""
    with Port(answering(b"")) as port:
        url = url_of(port)
    with client_of(url) as client, pytest.raises(ChangesUnavailable, match="Connection refused"):
        list(client.drain())


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
def test_a_folder_that_cannot_be_synced_keeps_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Some file systems of networks and of users cannot."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    store = FileTokenStore(tmp_path / "token")
    store.save("one")
    assert store.load() == "one"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_is_an_error_of_the_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """One sentence with the file."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    store = FileTokenStore(tmp_path / "token")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ChangesError, match="cannot be written"):
        store.save("one")


def test_a_file_that_is_no_token_is_an_error_of_the_client(tmp_path: Path) -> None:
    """A folder, octets or text that are none; a folder that is not there when it is written."""
    (tmp_path / "octets").write_bytes(b"\xff\xfe")
    (tmp_path / "lines").write_text("a\nb")
    (tmp_path / "long").write_text("x" * 10_001)
    endless = Path("/dev/zero")
    for path in (tmp_path, tmp_path / "octets", tmp_path / "lines", tmp_path / "long", endless):
        with pytest.raises(ChangesError, match="cannot be read"):
            FileTokenStore(path).load()
    with pytest.raises(ChangesError, match="cannot be written"):
        FileTokenStore(tmp_path / "nowhere" / "token").save("one")
