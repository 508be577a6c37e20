"""PyMySQL's connection, with a limit of its waits that can be changed while it lasts."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Self

from pymysql.connections import Connection

if TYPE_CHECKING:
    _Connection = Connection[Any]  # it is generic in its types only
else:
    _Connection = Connection


class LimitedConnection(_Connection):
    """A connection whose waits end, and which is opened within `connect_timeout`, login included.

    PyMySQL itself limits the login by `read_timeout`, as it does every wait for an answer.
    """

    _read_timeout: float
    _write_timeout: float

    @classmethod
    def connected(cls, seconds: float, *arguments: Any, **options: Any) -> Self:
        """Connect, and limit the waits."""
        connection = cls(*arguments, **options)
        connection.limit = seconds
        return connection

    @property
    def limit(self) -> float:
        """The longest wait for the next part of an answer, in seconds."""
        return float(self._read_timeout)

    @limit.setter
    def limit(self, seconds: float) -> None:
        self._read_timeout = self._write_timeout = seconds

    def connect(self, sock: Any = None) -> None:
        """Connect and log in."""
        self.limit = self.connect_timeout or inf
        super().connect(sock)
