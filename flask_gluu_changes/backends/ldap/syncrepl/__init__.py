"""Following OpenLDAP and 389 Directory Server by LDAP Content Synchronization (RFC 4533)."""
