"""Every wait for the authorization server ends, however slowly it goes on.

The servers here go on for as long as the test runs: a wait without an end is a test without one.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpcore
import pytest

from flask_gluu_changes.protection import network
from flask_gluu_changes.protection.caching import Clock
from flask_gluu_changes.protection.http import AuthorizationServerUnavailable, HttpClient

pytestmark = pytest.mark.timeout(20)

SECONDS = 0.3
HEAD = b"HTTP/1.1 200 OK\r\nX-Padding: "


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Is set when the test is over, so that no server goes on after it."""
    event = threading.Event()
    yield event
    event.set()


def drip(text: bytes, over: threading.Event) -> Callable[[socket.socket], None]:
    """Send a text, and then letters without an end, one by one."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(text)
        while not over.wait(0.05):
            connection.sendall(b"a")

    return answer


def answer_once(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


@contextmanager
def serving(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """Answer each connection in a thread; yield the port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        try:
            answer(connection)
        except OSError:
            pass  # the client has gone, as it should
        finally:
            connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.fixture
def client() -> Iterator[HttpClient]:
    client = HttpClient(connect_seconds=SECONDS, read_seconds=SECONDS, ca_file="", clock=Clock())
    yield client
    client.close()


def fails(client: HttpClient, url: str) -> None:
    with pytest.raises(AuthorizationServerUnavailable):
        client.send("GET", url, {})


@pytest.mark.parametrize(
    "begin",
    [b"", b"HTTP/1.1 ", HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"],
    ids=["nothing", "a status line", "a head", "a body"],
)
def test_an_answer_that_drips_is_none(
    client: HttpClient, over: threading.Event, begin: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(drip(begin, over)) as port:
        fails(client, f"http://127.0.0.1:{port}/")
    assert "ReadTimeout" in caplog.text or "RemoteProtocolError" in caplog.text


def test_interim_answers_without_an_end_are_none(client: HttpClient, over: threading.Event) -> None:
    def answer(connection: socket.socket) -> None:
        while not over.wait(0.05):
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")

    with serving(answer) as port:
        fails(client, f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("begin", [b"", b"\x16\x03\x03\x40\x00"], ids=["nothing", "a record"])
def test_a_tls_handshake_that_does_not_go_on_ends(
    client: HttpClient, over: threading.Event, begin: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def silent(connection: socket.socket) -> None:
        connection.sendall(begin)
        over.wait(30)

    with serving(drip(begin, over) if begin else silent) as port:
        fails(client, f"https://127.0.0.1:{port}/")
    assert "ConnectTimeout" in caplog.text


def test_a_name_that_is_looked_up_for_ever_ends(
    client: HttpClient,
    over: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def look_up(*_: object, **__: object) -> list[object]:
        over.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    fails(client, "http://as.example/")
    assert "ConnectTimeout" in caplog.text


def test_a_name_that_is_none_is_no_server(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def look_up(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    fails(client, "http://as.example/")
    assert "ConnectError" in caplog.text


def test_the_second_address_is_tried_in_the_time_of_the_first(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is not listened at; or it swallows what comes, and has half of the time."""

    full = socket.create_server(("127.0.0.2", 0), backlog=0)
    port = full.getsockname()[1]
    waiting = [socket.socket() for _ in range(3)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(("127.0.0.2", port))
    family = socket.AF_INET, socket.SOCK_STREAM, 6, ""
    infos = [(*family, (address, port)) for address in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)
    listening = socket.create_server(("127.0.0.1", port))
    threading.Thread(target=answer_once, args=(listening,), daemon=True).start()
    assert client.send("GET", f"http://as.example:{port}/", {}).status == 204
    for one in (*waiting, full, listening):
        one.close()


def test_a_request_that_nobody_reads_ends(over: threading.Event) -> None:
    """The buffers of the system hold the first megabytes."""
    backend = network.BoundedBackend(Clock())
    with serving(lambda _: bool(over.wait(30))) as port:
        stream = backend.connect_tcp("127.0.0.1", port, SECONDS)
        with pytest.raises(httpcore.WriteTimeout):
            stream.write(b"a" * 2**26, SECONDS)
        stream.close()


def test_each_request_of_a_connection_has_its_own_time(client: HttpClient) -> None:
    """An idle connection is not one that is late."""
    clock = MovedOn()
    patient = HttpClient(connect_seconds=1, read_seconds=1, ca_file="", clock=clock)
    connections = []

    def answer(connection: socket.socket) -> None:
        connections.append(connection)
        while connection.recv(4096):
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with serving(answer) as port:
        for _ in range(3):
            assert patient.send("GET", f"http://127.0.0.1:{port}/", {}).status == 204
            clock.ahead += 2
    assert len(connections) == 1
    patient.close()


class MovedOn(Clock):
    ahead = 0.0

    def elapsed(self) -> float:
        return super().elapsed() + self.ahead
