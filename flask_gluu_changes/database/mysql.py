"""PyMySQL's connection, with a limit of its waits that can be changed while it lasts."""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from threading import Timer
from typing import TYPE_CHECKING, Any, Self

from pymysql.connections import Connection
from pymysql.err import OperationalError

from .hosts import hosts_of

if TYPE_CHECKING:
    _Connection = Connection[Any]  # it is generic in its types only
else:
    _Connection = Connection

AT_ONCE = 0.001
"""Seconds; 0 would mean not to wait at all, which PyMySQL cannot handle."""


class LimitedConnection(_Connection):
    """A connection whose waits end, and which is opened within `connect_timeout`, login included.

    PyMySQL itself limits the login by `read_timeout`, which begins anew with each octet.
    """

    _read_timeout: float
    _write_timeout: float

    @classmethod
    def connected(cls, seconds: float, *arguments: Any, **options: Any) -> Self:
        """Connect to the first of the hosts that answers, and limit the waits.

        Of several, a node of a Galera Cluster that is cut off from the others is passed over.
        """
        *others, last = hosts_of(options.pop("host", None))
        for host in others:
            with suppress(OperationalError):
                connection = cls(*arguments, **{**options, **host})
                if connection._is_of_use():
                    break
                connection.close()
        else:
            connection = cls(*arguments, **{**options, **last})
        connection.limit = seconds
        return connection

    def _is_of_use(self) -> bool:
        with closing(self.cursor()) as cursor:
            cursor.execute("SHOW STATUS LIKE 'wsrep_ready'")
            return ("wsrep_ready", "OFF") not in cursor.fetchall()

    @property
    def limit(self) -> float:
        """The longest wait for the next part of an answer, in seconds."""
        return float(self._read_timeout)

    @limit.setter
    def limit(self, seconds: float) -> None:
        self._read_timeout = self._write_timeout = seconds

    def connect(self, sock: Any = None) -> None:
        """Connect and log in."""
        self.limit = seconds = float(self.connect_timeout or 0)
        over = Timer(seconds, self._end_login)
        over.daemon = True
        over.start()
        try:
            super().connect(sock)
        finally:
            over.cancel()

    def _end_login(self) -> None:
        """Fail what the login waits for, and would wait for next."""
        self.limit = AT_ONCE
        with suppress(OSError, AttributeError):  # there is none yet, or TLS has just taken it
            connected: Any = self
            connected._sock.shutdown(socket.SHUT_RDWR)
