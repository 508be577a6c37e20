"""A private OpenDJ, Gluu's directory server: its own folder, its own ports, Gluu's schema.

    with OpenDJ(tmp_path) as server:
        server.connect().add_s(...)

It has the interface of `tests.support.slapd.Slapd`, as far as the tests of the backend need it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import ldap
from ldap.ldapobject import ReconnectLDAPObject

from tests.support import people, slapd
from tests.support.slapd import HOST, free_port

from .downloads import OPENDJ, fetch
from .opendj_changelog import PRIVILEGE, as_replica, with_changelog
from .opendj_schema import to_ldif
from .program import PATIENCE, Program, run

BACKEND = "userRoot"
EVERYWHERE = "ds-cfg-listen-address: 0.0.0.0"
NO_LIMITS = """\
ds-privilege-name: unindexed-search
ds-rlim-size-limit: 0
ds-rlim-lookthrough-limit: 0
ds-rlim-time-limit: 0
"""
"""What the account of the backend needs in OpenDJ: else wide searches are cut, or refused."""


class OpenDJError(RuntimeError):
    """A test asked for what this OpenDJ cannot do; the message says what to do instead."""


class OpenDJ:
    """One OpenDJ in `folder`. changelog: tells its changes, for which it replicates to nobody.

    first: another one with a changelog, to which this one is a replica, if the same is loaded.
    """

    admin_dn = people.ADMIN_DN
    admin_password = people.ADMIN_PASSWORD
    reader_dn = people.READER_DN
    reader_password = people.READER_PASSWORD
    base_dn = people.PEOPLE_DN
    attributes_dn = people.ATTRIBUTES_DN

    def __init__(
        self, folder: Path, *, changelog: bool = False, first: OpenDJ | None = None
    ) -> None:
        _unzip(fetch(OPENDJ), folder)
        self.folder = folder.resolve()
        self.port = free_port()
        self._home = self.folder / "opendj"
        self._waiting = self.folder / "waiting.ldif"
        self._program = Program(
            [str(self._home / "bin" / "start-ds"), "--nodetach"],
            log=self.folder / "opendj.log",
            ready="has started successfully",
            environment={},
        )
        self._set_up()
        self.replication_port: int = first.replication_port if first else free_port()
        rights = NO_LIMITS + (PRIVILEGE if changelog or first else "")
        if changelog:
            self._rewrite_config(lambda config: with_changelog(config, self.replication_port))
        if first:
            self._join(first)
        self.load(people.base_ldif().rstrip("\n") + f"\n{rights}\n")  # the reader comes last

    @property
    def uri(self) -> str:
        """Its address."""
        return f"ldap://{HOST}:{self.port}"

    def settings(self) -> dict[str, str]:
        """Give the settings with which an application reads it as the reader."""
        return {
            "GLUU_CHANGES_LDAP_URI": self.uri,
            "GLUU_CHANGES_LDAP_BIND_DN": self.reader_dn,
            "GLUU_CHANGES_LDAP_BIND_PASSWORD": self.reader_password,
        }

    def load(self, source: Path | str) -> None:
        """Add a file of LDIF (a Path) or LDIF itself (a str) before the first start."""
        if self._started:
            raise OpenDJError("Its import overwrites what is there. Load before the first start.")
        text = source if isinstance(source, str) else source.read_text()
        with self._waiting.open("a") as waiting:
            waiting.write(text)

    def start(self) -> None:
        """Start it and return when it answers."""
        if not self._started:
            self._import()
        self._program.start()
        self._await_answer()

    def stop(self) -> None:
        """End it in good order and wait for it; harmless when it is not running."""
        self._program.stop()

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()

    def connect(self, dn: str | None = None, password: str | None = None) -> ReconnectLDAPObject:
        """Open a bound connection, the admin's unless told otherwise, that outlives a restart."""
        connection = ReconnectLDAPObject(self.uri, retry_max=5, retry_delay=0.1)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, slapd.PATIENCE)
        connection.set_option(ldap.OPT_REFERRALS, 0)
        connection.simple_bind_s(dn or self.admin_dn, password or self.admin_password)
        return connection

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _started(self) -> bool:
        return self._imported.exists()

    @property
    def _imported(self) -> Path:
        return self.folder / "imported.ldif"

    def _await_answer(self) -> None:
        """Ask for the root DSE until it comes: OpenDJ says that it has started before it listens.

        Whether it says that it listens depends on which of its threads is faster.
        """
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > deadline:
                self.stop()
                raise OpenDJError(f"OpenDJ did not answer:\n{self._program.output()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        with contextlib.suppress(ldap.LDAPError):
            connection = ldap.initialize(self.uri)
            connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 1.0)
            connection.search_ext_s("", ldap.SCOPE_BASE, attrlist=["1.1"], timeout=5)
            connection.unbind_s()
            return True
        return False

    def _set_up(self) -> None:
        """Make an empty server that listens on the loopback only, and knows Gluu's schema."""
        self._tool("setup", "--cli", "--no-prompt", "--acceptLicense", "--doNotStart", *self._names)
        self._rewrite_config(
            lambda config: config.replace(EVERYWHERE, f"ds-cfg-listen-address: {HOST}")
        )
        schema = Path(slapd.__file__).with_name("gluu.schema").read_text()
        (self._home / "config" / "schema" / "77-gluu.ldif").write_text(to_ldif(schema))

    def _join(self, first: OpenDJ) -> None:
        """Replicate with another: with its keys, which is all that it asks for."""
        self._rewrite_config(lambda config: as_replica(config, first.replication_port))
        for name in ("ads-truststore", "ads-truststore.pin"):
            shutil.copy(first._home / "config" / name, self._home / "config" / name)

    def _rewrite_config(self, change: Callable[[str], str]) -> None:
        config = self._home / "config" / "config.ldif"
        config.write_text(change(config.read_text()))

    @property
    def _names(self) -> list[str]:
        admin = ["--rootUserDN", self.admin_dn, "--rootUserPassword", self.admin_password]
        ports = ["--ldapPort", str(self.port), "--adminConnectorPort", str(free_port())]
        return [*admin, *ports, "--baseDN", people.SUFFIX, "--hostname", "localhost", "--quiet"]

    def _import(self) -> None:
        """Import all that waits; an entry that does not fit the schema fails the import."""
        what = ["--backendID", BACKEND, "--ldifFile", str(self._waiting)]
        rejects = ["--countRejects", "--rejectFile", str(self.folder / "rejected.ldif")]
        self._tool("bin/import-ldif", "--offline", *what, *rejects)
        self._waiting.rename(self._imported)

    def _tool(self, name: str, *arguments: str) -> None:
        run([str(self._home / name), *arguments], self.folder)


def _unzip(file: Path, folder: Path) -> None:
    """Unpack with the permissions, which `extractall` leaves out."""
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            path = archive.extract(member, folder)
            if mode := member.external_attr >> 16:
                os.chmod(path, mode & 0o777)
