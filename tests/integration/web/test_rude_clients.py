"""Rude clients of real servers: they get a part of the threads, and others their answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.docs.blocks import ROOT, blocks_of
from tests.support.apps import OPERATION
from tests.support.authorization_server import AuthorizationServer
from tests.support.crowded import HOME, CrowdedServer, environment, fill, gunicorn, waitress
from tests.support.nginx import Nginx
from tests.support.processes import free_port
from tests.support.rude_clients import Raw, long_poll, page, stream, token_from_now_on

SERVERS = {"gthread": gunicorn("--threads", "4"), "waitress": waitress(4)}
GRACE = 0.5
MANUAL = ROOT / "docs/how-to/production.md"
PREFIX = "/people"

threaded = pytest.mark.parametrize("kind", SERVERS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a journal of 30 MB, much more than any buffer between a server and a client."""
    folder = tmp_path_factory.mktemp("crowded")
    fill(f"sqlite:///{folder}/journal.db", people=3000, octets=10_000)
    return folder


@contextmanager
def _serving(folder: Path, command: list[str], **settings: object) -> Iterator[CrowdedServer]:
    variables = {**environment(folder, **settings), "GRACE": str(GRACE)}
    with CrowdedServer(variables, *command) as server:
        yield server


def _assert_others_are_answered(server: CrowdedServer) -> None:
    for _ in range(5):
        assert httpx.get(server.url, timeout=5).text == HOME


def _await_room(server: CrowdedServer, token: str) -> None:
    """Wait for a second as soon as there is room for it."""
    deadline = time.monotonic() + 10
    headers = {"Prefer": "wait=1"}
    while True:
        query = {"deltaToken": token}
        answer = httpx.get(f"{server.url}{OPERATION}", params=query, headers=headers, timeout=5)
        if answer.status_code == 200:
            assert answer.headers["Preference-Applied"] == "wait=1"
            return
        assert answer.status_code == 429
        assert time.monotonic() < deadline


@threaded
def test_those_who_wait_leave_threads_to_others(folder: Path, kind: str) -> None:
    """Of eight long polls of one client on four threads one waits, until it hangs up."""
    with _serving(folder, SERVERS[kind]) as server, ExitStack() as stack:
        token = token_from_now_on(server.url)
        first = stack.enter_context(long_poll(server.port, token))
        _await_refusal(server, token)
        others = [stack.enter_context(long_poll(server.port, token)) for _ in range(7)]
        assert [other.status() for other in others] == [429] * 7
        _assert_others_are_answered(server)
        first.hang_up()
        _await_room(server, token)


@threaded
def test_slow_readers_leave_threads_to_others(folder: Path, kind: str) -> None:
    """However many read streams and large pages slowly, and all of them are cut off in time."""
    with _serving(folder, SERVERS[kind]) as server, ExitStack() as stack:
        slow = [stack.enter_context(stream(server.port)) for _ in range(6)]
        slow += [stack.enter_context(page(server.port, 1000)) for _ in range(6)]
        assert sorted({one.status() for one in slow}) == [200, 429]
        _assert_others_are_answered(server)
        if kind == "gthread":  # waitress takes what it sends from a file of its own
            _await_a_whole_stream(server)


def _await_a_whole_stream(server: CrowdedServer) -> None:
    """Read everything as fast as it comes, as soon as there is room."""
    deadline = time.monotonic() + 20
    while (one := stream(server.port)).status() == 429:
        one.hang_up()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with one:
        assert b"nextDeltaToken" in one.read_stream()


def test_a_proxy_that_buffers_keeps_slow_readers_and_tells_who_hangs_up(folder: Path) -> None:
    """With the configuration of the manual: the server's places are free though nobody reads."""
    with _serving(folder, SERVERS["gthread"]) as server, ExitStack() as stack:
        proxy = stack.enter_context(Nginx(_manuals_proxy(server.port)))
        for _ in range(2):
            slow = stack.enter_context(stream(proxy.port, PREFIX))
            assert slow.status() == 200
            _await_a_whole_stream(server)
        token = token_from_now_on(server.url)
        with long_poll(proxy.port, token, prefix=PREFIX):
            _await_refusal(server, token)
        _await_room(server, token)


def _manuals_proxy(port: int) -> str:
    (block,) = (b.text for b in blocks_of(MANUAL) if b.kind == "nginx")
    listening = block.replace("127.0.0.1:5000", f"127.0.0.1:{free_port()}")
    return listening.replace("127.0.0.1:8000", f"127.0.0.1:{port}")


def _await_refusal(server: CrowdedServer, token: str) -> None:
    """Wait until the only place is taken."""
    deadline = time.monotonic() + 10
    headers = {"Prefer": "wait=1"}
    while time.monotonic() < deadline:
        query = {"deltaToken": token}
        answer = httpx.get(f"{server.url}{OPERATION}", params=query, headers=headers, timeout=5)
        if answer.status_code == 429:
            return
    raise AssertionError("nobody waits")


def test_a_reader_that_keeps_the_pace_is_not_cut_off(folder: Path) -> None:
    """It is slower than the server by far, and its answer is whole."""
    with _serving(folder, SERVERS["gthread"]) as server, page(server.port, 300) as one:
        whole = _read_slowly(one, 3_000_000, seconds=3 * GRACE)
        assert whole.startswith(b"HTTP/1.1 200")
        length = int(whole.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        assert len(whole.partition(b"\r\n\r\n")[2]) == length


def _read_slowly(one: Raw, octets: int, seconds: float) -> bytes:
    got, parts = b"", 30
    for _ in range(parts):
        got += one.read(octets // parts)
        time.sleep(seconds / parts)
    length = int(got.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    return got + one.read(length + got.index(b"\r\n\r\n") + 4 - len(got))


def test_bad_tokens_leave_threads_to_good_ones_while_the_authorization_server_is_stuck(
    folder: Path,
) -> None:
    """It accepts connections and says nothing; the good token was looked at before."""
    with AuthorizationServer() as issuer:
        keys = {"issuer": issuer.issuer, "client_id": "rs", "client_secret": "rs-secret"}
        token = {"Authorization": f"Bearer {issuer.issue()}"}
        with _serving(folder, SERVERS["gthread"], protection="oauth", **keys) as server:
            url = f"{server.url}{OPERATION}?deltaToken=latest"
            assert httpx.get(url, headers=token, timeout=5).status_code == 200
            issuer.faults["*"] = "slow"
            with ExitStack() as stack:
                for number in range(12):
                    bad = {"Authorization": f"Bearer unknown-{number}"}
                    stack.enter_context(Raw(server.port, f"{OPERATION}?deltaToken=latest", bad))
                for _ in range(5):
                    assert httpx.get(url, headers=token, timeout=1.5).status_code == 200
            issuer.release.set()


def test_a_worker_with_one_thread_lets_nobody_wait(folder: Path) -> None:
    """It says at once when to ask again, and the host's other pages are not kept waiting."""
    with _serving(folder, gunicorn("--worker-class", "sync")) as server:
        token = token_from_now_on(server.url)
        with long_poll(server.port, token, 27) as waiting:
            _assert_others_are_answered(server)
            head = waiting.read(600)
        assert head.startswith(b"HTTP/1.1 200")
        assert b"Retry-After: 5\r\n" in head
        assert b"Preference-Applied" not in head
