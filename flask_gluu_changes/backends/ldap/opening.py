"""Ends the opening of a connection that takes too long, whatever libldap waits for.

Its own time-outs hold for connecting and for answers, and in many builds not for the TLS handshake.
It does not tell which socket it uses until it is done, so the socket is found: it is one that came
since then, and that is connected to where the URI leads. Its end ends every wait for it.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from time import monotonic
from urllib.parse import unquote, urlsplit

from ... import forks

OPEN_FILES = "/dev/fd"
"""The numbers of this process's open files, by Linux, macOS and the BSDs."""

AGAIN_SECONDS = 0.05
"""Between two looks, once it is too late: libldap may go on with another address."""

_PORTS = {"ldap": 389, "ldaps": 636}

_lock = forks.new_lock()
_opened: set[int] = set()
"""The inodes of sockets on which an opening has succeeded."""


@contextmanager
def opening_within(seconds: float, uri: str) -> Iterator[None]:
    """Cut the connection to a URI that is opened within the block, if that takes any longer.

    What waits for it then fails as when the server had ended the connection.
    """
    known, over = _sockets(), threading.Event()
    arguments = (seconds, uri, known, over)
    threading.Thread(target=_watch, args=arguments, name="ldap-opening", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def note_opened(descriptor: int) -> None:
    """Note that a connection is open, so that the end of no other opening cuts it."""
    with _lock:
        _opened.intersection_update(_sockets())
        _opened.add(os.fstat(descriptor).st_ino)


def _watch(seconds: float, uri: str, known: Set[int], over: threading.Event) -> None:
    until = monotonic() + seconds
    peers = _peers_of(uri)
    if over.wait(until - monotonic()):
        return
    while not over.wait(AGAIN_SECONDS):
        for inode, descriptor in _sockets().items():
            if inode not in known:
                _cut(descriptor, inode, peers)


def _sockets() -> dict[int, int]:
    """Return this process's sockets, inode to descriptor; none where the system does not tell."""
    found: dict[int, int] = {}
    try:
        names = os.listdir(OPEN_FILES)
    except OSError:
        return found
    for name in names:
        with suppress(OSError):  # it has been closed meanwhile
            status = os.fstat(int(name))
            if stat.S_ISSOCK(status.st_mode):
                found[status.st_ino] = int(name)
    return found


def _cut(descriptor: int, inode: int, peers: Set[object]) -> None:
    """Shut a socket down, if it is still the same one and connected to one of the peers."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as found, _lock:
        is_same = os.fstat(found.fileno()).st_ino == inode
        if is_same and inode not in _opened and _comparable(found.getpeername()) in peers:
            found.shutdown(socket.SHUT_RDWR)


def _peers_of(uri: str) -> Set[object]:
    """Return the addresses with the port, or the path of a local socket."""
    parts = urlsplit(uri)
    if parts.scheme == "ldapi":
        return {unquote(parts.netloc)}
    port = parts.port or _PORTS[parts.scheme]
    with suppress(OSError):
        found = socket.getaddrinfo(parts.hostname or "localhost", port, type=socket.SOCK_STREAM)
        return {_comparable(address) for *_, address in found}
    return set()


def _comparable(address: object) -> object:
    """Return an address without the flow and the scope that IPv6 adds."""
    return address[:2] if isinstance(address, tuple) else address
