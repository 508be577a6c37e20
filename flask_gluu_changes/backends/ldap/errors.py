"""What a directory's result codes (RFC 4511, appendix A) mean for a client and an operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import ldap

from ...errors import BackendError, BackendRefused, BackendUnavailable
from ...model import Finding

UNREACHABLE = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.BUSY, ldap.UNAVAILABLE)
"""Another server, or this one a little later, may answer."""

_SEE_LOG = "look for this result in the directory's log (slapd: `loglevel stats`)"
_NO_TEXT = (
    "the name of an entry holds octets that are not UTF-8, so that nobody can be read; rename it"
    " (`ldapsearch -o ldif_wrap=no` shows it among those that begin with `dn::`)"
)
_TOO_LARGE = "The directory refuses to give the whole result."
_ADVICE: dict[type[ldap.LDAPError], tuple[str, str | None]] = {
    ldap.SIZELIMIT_EXCEEDED: (
        "raise the size limit of the account that binds (slapd: limits … size=unlimited)",
        _TOO_LARGE,
    ),
    ldap.TIMELIMIT_EXCEEDED: (
        "raise the time limit of the account that binds (slapd: limits … time=unlimited)",
        _TOO_LARGE,
    ),
    ldap.ADMINLIMIT_EXCEEDED: (
        "lift the look-through limit of the account that binds (slapd: limits … size=unlimited"
        " size.unchecked=unlimited)",
        _TOO_LARGE,
    ),
    ldap.INVALID_CREDENTIALS: (
        "check GLUU_CHANGES_LDAP_BIND_DN and GLUU_CHANGES_LDAP_BIND_PASSWORD",
        None,
    ),
    ldap.INSUFFICIENT_ACCESS: (
        "let the account that binds read the people (slapd: `access to dn.subtree=… by dn.exact=…"
        " read`); OpenDJ asks for the privilege unindexed-search as well (`add:"
        " ds-privilege-name`)",
        None,
    ),
    ldap.NO_SUCH_OBJECT: (
        "check GLUU_CHANGES_LDAP_BASE_DN, and that the account that binds may see it",
        None,
    ),
    ldap.INVALID_DN_SYNTAX: (
        "correct GLUU_CHANGES_LDAP_BASE_DN, GLUU_CHANGES_LDAP_ATTRIBUTES_DN or"
        " GLUU_CHANGES_LDAP_BIND_DN: they are names such as ou=people,o=gluu",
        None,
    ),
    ldap.CONFIDENTIALITY_REQUIRED: (
        "set GLUU_CHANGES_LDAP_START_TLS, or use an ldaps:// URI",
        None,
    ),
}


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise this package's exceptions for python-ldap's; `doing` is for the log only."""
    try:
        yield
    except ldap.LDAPError as error:
        raise to_backend_error(error, doing) from error
    except UnicodeDecodeError as error:  # python-ldap's, which reads no such name
        raise BackendUnavailable(f"{doing}: {_NO_TEXT}") from error


def to_backend_error(error: ldap.LDAPError, doing: str) -> BackendError:
    """Return the exception that says what failed and what to do about it."""
    if isinstance(error, UNREACHABLE):
        return BackendUnavailable(_failure(error, doing))
    advice, public = _advice(error)
    return BackendRefused(f"{_failure(error, doing)}; {advice}", public=public)


def to_finding(error: ldap.LDAPError, doing: str) -> Finding:
    """Return what failed and what to do about it as a finding of an examination."""
    if isinstance(error, UNREACHABLE):
        return Finding.fault(
            _failure(error, doing),
            "start the server, open its port, or correct GLUU_CHANGES_LDAP_URI",
        )
    return Finding.fault(_failure(error, doing), _advice(error)[0])


def _failure(error: ldap.LDAPError, doing: str) -> str:
    return f"{doing}: {type(error).__name__}{_details(error)}"


def _advice(error: ldap.LDAPError) -> tuple[str, str | None]:
    return _ADVICE.get(type(error), (_SEE_LOG, None))


def _details(error: ldap.LDAPError) -> str:
    detail = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    texts = [str(detail[key]) for key in ("desc", "info") if detail.get(key)]
    return f" ({', '.join(texts)})" if texts else ""
