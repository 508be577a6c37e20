"""What a WSGI server tells of its threads and of its clients' connections."""

from __future__ import annotations

import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from flask_gluu_changes.wsgi import Connection, threads_of

SEVERAL = {"wsgi.multithread": True}


class Worker:
    """A worker of gunicorn, as far as it matters here."""

    def __init__(self, kind: str) -> None:
        self.cfg = SimpleNamespace(worker_class_str=kind, threads=7, worker_connections=900)

    def handle_abort(self, *_: object) -> None:
        """Handle a signal."""


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end of a connection, and the client's."""
    with (ends := socket.socketpair())[0], ends[1]:
        yield ends


@pytest.fixture
def aborting() -> Iterator[None]:
    """Set the handler of SIGABRT back."""
    before = signal.getsignal(signal.SIGABRT)
    yield
    signal.signal(signal.SIGABRT, before)


@pytest.mark.parametrize(
    ("environ", "threads"),
    [
        ({}, 1),
        ({"wsgi.multithread": False, "gunicorn.socket": object()}, 1),
        (SEVERAL, 4),
        ({**SEVERAL, "gunicorn.socket": object()}, 4),
        ({**SEVERAL, "werkzeug.socket": object()}, 64),
    ],
)
def test_the_threads_are_known_or_taken_for_few(environ: dict[str, Any], threads: int) -> None:
    """One where the server says that there is but one."""
    assert threads_of(environ) == threads


@pytest.mark.usefixtures("aborting")
@pytest.mark.parametrize(("kind", "threads"), [("gthread", 7), ("gevent", 900)])
def test_gunicorns_worker_is_found(kind: str, threads: int) -> None:
    """It shows itself only as the handler of its signals."""
    signal.signal(signal.SIGABRT, Worker(kind).handle_abort)
    assert threads_of({**SEVERAL, "gunicorn.socket": object()}) == threads


def test_uwsgi_is_asked(monkeypatch: pytest.MonkeyPatch, pair: Any) -> None:
    """By the module that exists only within it."""
    mine, others = pair
    module = SimpleNamespace(opt={"threads": b"12"}, connection_fd=mine.fileno)
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    environ = {**SEVERAL, "uwsgi.version": b"2"}
    assert threads_of(environ) == 12
    connection = Connection(environ)
    assert not connection.has_gone()
    others.close()
    assert connection.has_gone()


def test_waitress_threads_are_counted() -> None:
    """By their names."""
    end = threading.Event()
    threads = [threading.Thread(target=end.wait, name=f"waitress-{i}") for i in range(3)]
    for thread in threads:
        thread.start()
    assert threads_of(SEVERAL) == 3
    end.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("name", ["gunicorn.socket", "werkzeug.socket"])
def test_a_client_that_hangs_up_is_noticed(name: str, pair: Any) -> None:
    """Even with a request of it still unread; and when the server itself has closed."""
    mine, others = pair
    connection = Connection({name: mine})
    others.sendall(b"GET /")
    assert not connection.has_gone()
    others.close()
    assert connection.has_gone()
    mine.close()
    assert connection.has_gone()


def test_gevents_worker_notices_who_hangs_up(monkeypatch: pytest.MonkeyPatch, pair: Any) -> None:
    """Though gevent has put a poll of its own in the place of the system's."""
    originals = {("select", "poll"): select.poll}
    monkey = SimpleNamespace(get_original=lambda *names: originals[names])
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
    patched = SimpleNamespace(register=lambda *_: None, poll=lambda _: [])
    monkeypatch.setattr(select, "poll", lambda: patched)
    mine, others = pair
    others.close()
    assert Connection({"gunicorn.socket": mine}).has_gone()


@pytest.mark.parametrize("gone", [True, False])
def test_waitress_tells_itself(gone: bool) -> None:
    """By a function."""
    assert Connection({"waitress.client_disconnected": lambda: gone}).has_gone() is gone


def test_an_unknown_server_tells_nothing() -> None:
    """Then waits end with their time."""
    connection = Connection({})
    assert not connection.has_gone()
    connection.limit_sends(1)


def test_a_client_that_takes_nothing_is_given_up(pair: Any) -> None:
    """By the server, whose send fails."""
    mine, _ = pair
    Connection({"gunicorn.socket": mine}).limit_sends(0.01)
    with pytest.raises(TimeoutError):
        mine.sendall(b"x" * 10_000_000)
