"""Bound connections: made on first use, one user at a time, replaced when they turn out dead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import ldap
from ldap.ldapobject import SimpleLDAPObject

from ...settings.backends import LdapSettings
from .errors import UNREACHABLE, to_backend_error

Handle: TypeAlias = Any
"""A bound `StreamingLDAPObject`; python-ldap carries no types."""

MAX_IDLE = 16
"""Connections kept for the next request; as many as a busy server has threads."""


class StreamingLDAPObject(SimpleLDAPObject):  # type: ignore[misc]
    """Adds to python-ldap's object a way past the layers that cost a fifth of a large answer."""

    def part(self, message: int, timeout: float) -> tuple[int, list[tuple[str | None, Any]]]:
        """Give kind and entries of the next part of an answer, as `result3` does, bare."""
        kind, entries, *_ = self._l.result4(message, ldap.MSG_ONE, timeout, 0, 0, 0)
        return kind, entries

    def waiting(self) -> tuple[int | None, list[tuple[Any, ...]], int]:
        """Give kind, content and search of the next message that is there, its controls as octets.

        The kind is None when none is there.
        """
        kind, content, search, *_ = self._l.result4(ldap.RES_ANY, ldap.MSG_ONE, 0, 1, 1, 0)
        return kind, content, search


class Connections:
    """A pool of bound handles. python-ldap lets one thread at a time use a handle."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._idle: deque[Handle] = deque(maxlen=MAX_IDLE)
        self._process = os.getpid()

    @contextmanager
    def any(self) -> Iterator[Handle]:
        """Lend an idle handle, which the server may have closed meanwhile, or else a new one."""
        yield from self._lend(self._take() or self._open())

    @contextmanager
    def fresh(self) -> Iterator[Handle]:
        """Lend a new handle; like every other it is kept if its user raises nothing."""
        yield from self._lend(self._open())

    @contextmanager
    def reliable(self) -> Iterator[Handle]:
        """Lend a handle that the server has just answered on."""
        handle = self._take()
        if handle is not None and not _answers(handle):
            handle = None
        yield from self._lend(handle or self._open())

    @contextmanager
    def own(self) -> Iterator[Handle]:
        """Lend a new handle for searches without end; nobody gets it afterwards."""
        handle = self._open()
        try:
            yield handle
        finally:
            _unbind(handle)

    def close(self) -> None:
        """Unbind the idle handles."""
        while handle := self._take():
            _unbind(handle)

    def _lend(self, handle: Handle) -> Iterator[Handle]:
        try:
            yield handle
        except BaseException:
            _unbind(handle)
            raise
        self._idle.append(handle)

    def _take(self) -> Handle | None:
        if self._process != os.getpid():
            inherited, self._idle = self._idle, deque(maxlen=MAX_IDLE)
            self._process = os.getpid()
            _silence(inherited)
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def _open(self) -> Handle:
        """Bind at the first server that answers, in the order of the setting."""
        for uri in self._settings.ldap_uri:
            try:
                return self._bound(uri)
            except UNREACHABLE as error:
                last, last_uri = error, uri
            except ldap.LDAPError as error:
                raise to_backend_error(error, f"binding at {uri}") from error
        raise to_backend_error(last, f"connecting to {last_uri}") from last

    def _bound(self, uri: str) -> Handle:
        settings = self._settings
        handle = StreamingLDAPObject(uri)
        handle.set_option(ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3)
        handle.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
        handle.set_option(ldap.OPT_NETWORK_TIMEOUT, settings.ldap_connect_timeout)
        handle.set_option(ldap.OPT_TIMEOUT, settings.ldap_operation_timeout)
        _set_tls(handle, settings)
        if settings.ldap_start_tls and uri.startswith("ldap://"):
            handle.start_tls_s()
        if settings.ldap_bind_method == "external":
            handle.sasl_non_interactive_bind_s("EXTERNAL")
        else:
            handle.simple_bind_s(settings.ldap_bind_dn, settings.ldap_bind_password)
        return handle


def _set_tls(handle: Handle, settings: LdapSettings) -> None:
    handle.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    for option, file in (
        (ldap.OPT_X_TLS_CACERTFILE, settings.ldap_ca_file),
        (ldap.OPT_X_TLS_CERTFILE, settings.ldap_cert_file),
        (ldap.OPT_X_TLS_KEYFILE, settings.ldap_key_file),
    ):
        if file:
            handle.set_option(option, file)
    handle.set_option(ldap.OPT_X_TLS_NEWCTX, 0)


def _silence(handles: Iterable[Handle]) -> None:
    """Keep a child from speaking on its parent's sockets, if only to unbind."""
    with open(os.devnull, "r+b") as nowhere:
        for handle in handles:
            os.dup2(nowhere.fileno(), handle.fileno())


def _answers(handle: Handle) -> bool:
    try:
        handle.read_rootdse_s(attrlist=["1.1"])
    except ldap.LDAPError:
        _unbind(handle)
        return False
    return True


def _unbind(handle: Handle) -> None:
    with suppress(ldap.LDAPError):
        handle.unbind_ext()
