"""Distinguished names, compared as directories compare them (RFC 4514)."""

from __future__ import annotations

import ldap
import ldap.dn


def normal(name: str) -> str:
    """Write a name so that spellings of the same entry are equal."""
    try:
        return str(ldap.dn.dn2str(ldap.dn.str2dn(name))).lower()
    except ldap.DECODING_ERROR:
        return name.lower()


def within(name: str, base: str) -> bool:
    """Tell whether an entry is at or below a base."""
    return f",{normal(name)}".endswith(f",{normal(base)}")
