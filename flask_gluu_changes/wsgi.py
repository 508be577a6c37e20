"""What the WSGI server tells of itself: how many threads it has, and whether a client has gone."""

from __future__ import annotations

import select
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any

ONE_EACH = 64
"""Stands for a thread of its own for each request: more than this would be too many anyway."""

UNKNOWN = 4
"""Threads of a server with several that does not tell how many."""

_GONE = getattr(select, "POLLRDHUP", 0)  # of Linux: the other side sends no more; else only errors


def threads_of(environ: Mapping[str, Any]) -> int:
    """Return how many requests one process of the server answers at a time.

    Args:
        environ: The WSGI environment of a request.
    """
    if not environ.get("wsgi.multithread"):
        return 1
    if "gunicorn.socket" in environ:
        return _gunicorn_threads()
    if "uwsgi.version" in environ:
        return _uwsgi_threads()
    if "werkzeug.socket" in environ:
        return ONE_EACH
    started = [one for one in threading.enumerate() if one.name.startswith("waitress-")]
    return len(started) or UNKNOWN


def is_one_of_several(environ: Mapping[str, Any]) -> bool:
    """Return whether the server has, or may have, more than one process that answers.

    gunicorn and uWSGI replace their workers even where there is but one at a time.

    Args:
        environ: The WSGI environment of a request.
    """
    forking = "gunicorn.socket" in environ or "uwsgi.version" in environ
    return forking or bool(environ.get("wsgi.multiprocess"))


def _gunicorn_threads() -> int:
    """Ask the worker, which gunicorn shows nowhere but in the handlers of its signals."""
    worker: Any = getattr(signal.getsignal(signal.SIGABRT), "__self__", None)
    settings: Any = getattr(worker, "cfg", None)
    if settings is None:
        return UNKNOWN
    is_pool = "gthread" in settings.worker_class_str
    return int(settings.threads if is_pool else settings.worker_connections)


def _uwsgi_threads() -> int:
    import uwsgi  # only within uWSGI there is such a module

    return int(uwsgi.opt.get("threads", UNKNOWN))


def _uwsgi_descriptor() -> int:
    import uwsgi

    return int(uwsgi.connection_fd())


class Connection:
    """The connection of one request, as far as the server gives access to it.

    It is made by the thread that answers the request, and may be asked by any. environ: the WSGI
    environment of the request.
    """

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._socket = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
        self._waitress = environ.get("waitress.client_disconnected")
        self._uwsgi = _uwsgi_descriptor() if "uwsgi.version" in environ else None

    def has_gone(self) -> bool:
        """Return whether the client has closed it; False where the server does not tell."""
        if self._waitress is not None:
            return bool(self._waitress())
        descriptor = self._socket.fileno() if self._socket is not None else self._uwsgi
        return descriptor is not None and _is_closed(descriptor)

    def limit_sends(self, seconds: float) -> None:
        """Have the server give up a client that takes nothing for so long.

        A block is sent by one call. uWSGI and waitress have limits of their own.
        """
        if isinstance(self._socket, socket.socket):
            self._socket.settimeout(seconds)


def _is_closed(descriptor: int) -> bool:
    if descriptor < 0:  # the server has closed it
        return True
    poll = _poll()
    poll.register(descriptor, _GONE)
    return bool(poll.poll(0))


def _poll() -> select.poll:
    """Return the system's own: the one of gevent's patch knows nothing of clients that go."""
    monkey = sys.modules.get("gevent.monkey")
    found: select.poll = (monkey.get_original("select", "poll") if monkey else select.poll)()
    return found
