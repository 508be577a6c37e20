"""Bound connections: made on first use, one user at a time, replaced when they turn out dead.

Every wait for a server ends. An opening is watched. On an open connection libldap keeps its
time-outs, since its socket never blocks: else it would wait for the rest of an answer without end.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, TypeAlias

import ldap
from ldap.ldapobject import SimpleLDAPObject

from ... import forks
from ...settings.backends import LdapSettings
from .errors import UNREACHABLE, to_backend_error
from .opening import note_opened, opening_within

Connection: TypeAlias = Any
"""A bound `StreamingLDAPObject`; python-ldap carries no types."""

MAX_IDLE = 16
"""Connections that stay open for the next request; as many as a busy server has threads."""

TRUSTED_SECONDS = 30.0
"""Who was idle for longer is asked before it is used: firewalls drop idle connections silently."""

KEEPALIVE = (30, 3, 10)
"""Idle seconds before the first probe, number of probes, seconds between two (tcp(7))."""


class StreamingLDAPObject(SimpleLDAPObject):  # type: ignore[misc]
    """A python-ldap object that also hands out single LDAP messages (RFC 4511, 4.1.1).

    The new methods ask the C object `_l`, because python-ldap's layers above it (locks, traces,
    decoding of controls) take a fifth of the time of a large answer.
    """

    def send_search(
        self, base: str, filter_: str, attributes: Sequence[str], *, limit: int = 0
    ) -> int:
        """Send a search of a subtree, and return the number that its messages have.

        limit: so many entries are enough; 0: all are wanted.
        """
        names, no_controls, no_time = list(attributes), None, -1
        message_id: int = self._l.search_ext(
            base, ldap.SCOPE_SUBTREE, filter_, names, 0, no_controls, no_controls, no_time, limit
        )
        return message_id

    def next_message(
        self, message_id: int, timeout: float
    ) -> tuple[int, list[tuple[str | None, Any]]]:
        """Return type and entries of the next message of a search, as `result3` does.

        timeout: in seconds.
        """
        message_type, entries, *_ = self._l.result4(message_id, ldap.MSG_ONE, timeout, 0, 0, 0)
        return message_type, entries

    def poll_message(self) -> tuple[int | None, list[tuple[Any, ...]], int]:
        """Return type, content and message id of a message that has arrived, whatever its search.

        The type is None when none has. Controls are the octets that they came as.
        """
        message_type, content, message_id, *_ = self._l.result4(
            ldap.RES_ANY, ldap.MSG_ONE, 0, 1, 1, 0
        )
        return message_type, content, message_id


class ConnectionPool:
    """The idle connections of a process. python-ldap lets one thread at a time use a connection.

    Where one turns out dead, none of those that were opened before is used any more.
    """

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._idle: deque[tuple[Connection, float]] = deque(maxlen=MAX_IDLE)
        self._lent: set[int] = set()
        self._generation = 0
        forks.in_child(self, ConnectionPool._forget_inherited)

    @contextmanager
    def borrow(self) -> Iterator[Connection]:
        """Lend an idle connection, which its server may have closed by now, or else a new one."""
        yield from self._lend(self._take() or self._open())

    @contextmanager
    def borrow_new(self) -> Iterator[Connection]:
        """Lend a new connection; like every other it stays open if its user raises nothing."""
        yield from self._lend(self._open())

    @contextmanager
    def borrow_checked(self) -> Iterator[Connection]:
        """Lend a connection on which the server has just answered."""
        yield from self._lend(self._take(asking=True) or self._open())

    @contextmanager
    def dedicated(self) -> Iterator[Connection]:
        """Open a connection for searches without end; it is unbound afterwards."""
        connection = self._open()
        try:
            yield connection
        finally:
            _unbind(connection)

    def numbers(self) -> tuple[int, int]:
        """Return how many connections are idle, and lent."""
        return len(self._idle), len(self._lent)

    def close(self) -> None:
        """Unbind the idle connections."""
        while idle := self._pop():
            _unbind(idle[0])

    def _lend(self, connection: Connection) -> Iterator[Connection]:
        generation = self._generation
        self._lent.add(id(connection))
        try:
            yield connection
        except BaseException as error:
            if isinstance(error, UNREACHABLE):
                self._distrust()
            # It may be dead, or hold unread messages of a search that was given up.
            _unbind(connection)
            raise
        finally:
            self._lent.discard(id(connection))
        if generation == self._generation:
            self._idle.append((connection, monotonic()))
        else:
            _unbind(connection)

    def _distrust(self) -> None:
        self._generation += 1
        self.close()

    def _take(self, *, asking: bool = False) -> Connection | None:
        while idle := self._pop():
            connection, since = idle
            is_trusted = not asking and monotonic() - since < TRUSTED_SECONDS
            if is_trusted or self._answers(connection):
                return connection
            _unbind(connection)
            self._distrust()
        return None

    def _pop(self) -> tuple[Connection, float] | None:
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _answers(self, connection: Connection) -> bool:
        arguments = ("", ldap.SCOPE_BASE, "(objectClass=*)", ["1.1"])
        try:
            connection.search_ext_s(*arguments, timeout=self._settings.ldap_connect_timeout)
        except ldap.LDAPError:
            return False
        return True

    def _forget_inherited(self) -> None:
        inherited, self._idle = self._idle, deque(maxlen=MAX_IDLE)
        self._lent = set()
        _detach(connection for connection, _ in inherited)

    def _open(self) -> Connection:
        """Bind at the first server that answers, in the order of the setting."""
        for uri in self._settings.ldap_uri:
            try:
                with opening_within(self._settings.ldap_connect_timeout, uri):
                    return self._bind(uri)
            except UNREACHABLE as error:
                last, last_uri = error, uri
            except ldap.LDAPError as error:  # the next server would say the same
                raise to_backend_error(error, f"binding at {uri}") from error
        raise to_backend_error(last, f"connecting to {last_uri}") from last

    def _bind(self, uri: str) -> Connection:
        settings = self._settings
        connection = StreamingLDAPObject(uri)
        connection.set_option(ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3)
        connection.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, settings.ldap_connect_timeout)
        connection.set_option(ldap.OPT_TIMEOUT, settings.ldap_connect_timeout)
        _set_liveness(connection, settings)
        _set_tls(connection, settings)
        if settings.ldap_start_tls and uri.startswith("ldap://"):
            connection.start_tls_s()
        if settings.ldap_bind_method == "external":
            connection.sasl_non_interactive_bind_s("EXTERNAL")
        else:
            connection.simple_bind_s(settings.ldap_bind_dn, settings.ldap_bind_password)
        connection.set_option(ldap.OPT_TIMEOUT, settings.ldap_operation_timeout)
        os.set_blocking(connection.fileno(), False)
        note_opened(connection.fileno())
        return connection


def _set_liveness(connection: Connection, settings: LdapSettings) -> None:
    """Have the system notice a dead line: idle, or with a request that nobody acknowledges."""
    milliseconds = int(settings.ldap_connect_timeout * 1000)
    names = ("KEEPALIVE_IDLE", "KEEPALIVE_PROBES", "KEEPALIVE_INTERVAL")
    values = {f"OPT_X_{name}": value for name, value in zip(names, KEEPALIVE, strict=True)}
    for name, value in {**values, "OPT_TCP_USER_TIMEOUT": milliseconds}.items():
        if hasattr(ldap, name):  # libldap has the last one since 2.5
            connection.set_option(getattr(ldap, name), value)


def _set_tls(connection: Connection, settings: LdapSettings) -> None:
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    for option, file in (
        (ldap.OPT_X_TLS_CACERTFILE, settings.ldap_ca_file),
        (ldap.OPT_X_TLS_CERTFILE, settings.ldap_cert_file),
        (ldap.OPT_X_TLS_KEYFILE, settings.ldap_key_file),
    ):
        if file:
            connection.set_option(option, file)
    # libldap takes over the options above only when it makes a new TLS context.
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)


def _detach(connections: Iterable[Connection]) -> None:
    """Point connections inherited by a fork at /dev/null.

    Their sockets are still the parent's, and even the unbind of a finalizer would end its session.
    """
    with open(os.devnull, "r+b") as nowhere:
        for connection in connections:
            os.dup2(nowhere.fileno(), connection.fileno())


def _unbind(connection: Connection) -> None:
    with suppress(ldap.LDAPError):
        connection.unbind_ext()
