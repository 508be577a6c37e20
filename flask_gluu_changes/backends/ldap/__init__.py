"""People in an LDAP directory. Needs the extra `[ldap]`; `ldap` stays inside this folder."""

from .backend import LdapBackend as LdapBackend

__all__ = ["LdapBackend"]
