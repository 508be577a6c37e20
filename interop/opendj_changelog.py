"""What an operator switches on in OpenDJ so that its changes can be followed.

The replication server listens on every address, for OpenDJ knows no setting for it; whoever
connects there must show a certificate of the same topology.
"""

from __future__ import annotations

from tests.support import people

PRIVILEGE = "ds-privilege-name: changelog-read\n"
"""For the account that reads; it belongs into its entry."""

ACCESS = {
    "cookies": '(targetcontrol="1.3.6.1.4.1.26027.1.5.4")',
    "newest cookie": '(target="ldap:///")(targetscope="base")'
    '(targetattr="lastExternalChangelogCookie")',
    "changelog": '(target="ldap:///cn=changelog")'
    '(targetattr="changeType||targetDN||targetEntryUUID||changeLogCookie")',
}
"""What the account may read, by the name of the rule."""

_PROVIDER = "cn=Multimaster Synchronization,cn=Synchronization Providers,cn=config"
_HANDLER = "dn: cn=Access Control Handler,cn=config\n"


def with_changelog(config: str, port: int) -> str:
    """Add to a config.ldif a replication server on a port, the people's domain, and the access."""
    rules = "".join(f"ds-cfg-global-aci: {rule}\n" for rule in access_rules())
    config = config.replace(_HANDLER, _HANDLER + rules)
    return f"{config.rstrip()}\n{_server(port)}{_domain(port, number=1)}"


def as_replica(config: str, port: int) -> str:
    """Add to the config.ldif of a second directory that it replicates by the first one's server."""
    return f"{config.rstrip()}\n{_domain(port, number=2)}"


def access_rules() -> list[str]:
    """Write the rules for the reader as OpenDJ's access control instructions."""
    who = f'userdn="ldap:///{people.READER_DN}"'
    return [
        f'{what}(version 3.0; acl "{name}"; allow (read,search,compare) {who};)'
        for name, what in ACCESS.items()
    ]


def _server(port: int) -> str:
    return f"""
dn: cn=replication server,{_PROVIDER}
objectClass: top
objectClass: ds-cfg-replication-server
cn: replication server
ds-cfg-replication-port: {port}
ds-cfg-replication-server-id: 1
"""


def _domain(port: int, *, number: int) -> str:
    return f"""
dn: cn=gluu,cn=domains,{_PROVIDER}
objectClass: top
objectClass: ds-cfg-replication-domain
cn: gluu
ds-cfg-base-dn: {people.SUFFIX}
ds-cfg-server-id: {number}
ds-cfg-replication-server: localhost:{port}
"""
