"""Distinguished names, compared as directories compare them (RFC 4514)."""

from __future__ import annotations

import ldap
import ldap.dn


def normal(dn: str) -> str:
    """Return a name in a form that is equal for all spellings of the same entry."""
    try:
        return str(ldap.dn.dn2str(ldap.dn.str2dn(dn))).lower()
    except (ldap.DECODING_ERROR, ValueError):  # no name, or with octets that are no UTF-8
        return dn.lower()


def normal_octets(octets: bytes) -> str:
    """Return the same for a name as a value of an attribute holds it."""
    return normal(octets.decode(errors="replace"))


def within(dn: str, base: str) -> bool:
    """Return whether an entry is at or below a base."""
    return f",{normal(dn)}".endswith(f",{normal(base)}")
