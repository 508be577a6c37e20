"""People in an LDAP directory. Needs the extra `[ldap]`; only this folder imports `ldap`."""

from .backend import LdapBackend as LdapBackend

__all__ = ["LdapBackend"]
