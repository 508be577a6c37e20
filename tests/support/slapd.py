"""A private slapd for tests: its own folder, its own loopback port, Gluu's schema.

    with Slapd(tmp_path, indexes=TIME_INDEXES) as server:
        server.connect().add_s(...)

People are loaded fastest before the start, by `load`. Writes are not forced to the disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import ldap
from ldap.ldapobject import ReconnectLDAPObject

from tests.support import people
from tests.support.processes import HOST as HOST
from tests.support.processes import free_port as free_port
from tests.support.processes import guard as guard

DEFAULT_INDEXES = ("objectClass eq", "entryUUID eq", "uid eq", "inum eq")
TIME_INDEXES = (*DEFAULT_INDEXES, "updatedAt,oxCreationTimestamp eq")

MODULES = "/usr/lib/ldap"
STANDARD_SCHEMAS = Path("/etc/ldap/schema")
SEARCH_PATH = "/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/local/libexec:/usr/bin"
PATIENCE = 20.0  # seconds that a start or a stop may take
DEBUG_NONE = "32768"  # slapd's debug level "none": stay in the foreground, log failures only

CONFIG = """\
include "{schemas}/core.schema"
include "{schemas}/cosine.schema"
include "{schemas}/inetorgperson.schema"
include "{own_schema}"
modulepath {modules}
moduleload back_mdb
moduleload sssvlv
moduleload syncprov
moduleload memberof
sizelimit unlimited
tool-threads 2
pidfile "{folder}/slapd.pid"
{tls}
database mdb
suffix "{suffix}"
rootdn "{admin}"
rootpw "{password}"
directory "{folder}/data"
maxsize 8589934592
dbnosync
{lines}
"""

CERTIFICATE_COMMANDS = (
    "req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=slapd-test-authority",
    "req -new {key} -keyout server.key -out server.csr -subj /CN=localhost",
    "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
    " -out server.pem -days 30 -extfile server.ext",
)
NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"


class SlapdError(RuntimeError):
    """The slapd of a test did not do what it was told; the message ends with its log."""


class Slapd:
    """One slapd in `folder`; a folder that holds data from an earlier run is used as it is."""

    admin_dn = people.ADMIN_DN
    admin_password = people.ADMIN_PASSWORD
    reader_dn = people.READER_DN
    reader_password = people.READER_PASSWORD
    base_dn = people.PEOPLE_DN
    attributes_dn = people.ATTRIBUTES_DN

    def __init__(
        self,
        folder: Path,
        *,
        indexes: Sequence[str] = DEFAULT_INDEXES,
        limits: Sequence[str] = (),
        extra: str = "",
        tls: bool = False,
        clock: str = "",
    ) -> None:
        self.folder = folder.resolve()
        self.port = free_port()
        self._tls_port = free_port() if tls else None
        self.set_clock(clock)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        if tls:
            make_certificates(self.folder)
        lines = [*(f"index {index}" for index in indexes), *limits, extra]
        self._config.write_text(self._render(lines))
        if not (self.folder / "data" / "data.mdb").exists():
            self.load(people.base_ldif())

    @property
    def uri(self) -> str:
        """The plain address, which also offers StartTLS when made with `tls`."""
        return f"ldap://{HOST}:{self.port}"

    @property
    def ldaps_uri(self) -> str:
        """The address that speaks TLS from the first byte."""
        if self._tls_port is None:
            raise SlapdError("This slapd has no ldaps port. Make it with tls=True.")
        return f"ldaps://{HOST}:{self._tls_port}"

    @property
    def ldapi_uri(self) -> str:
        """The address of the local socket."""
        return f"ldapi://{quote(str(self.folder / 'ldapi'), safe='')}"

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that a client has to trust."""
        if self._tls_port is None:
            raise SlapdError("This slapd has no certificates. Make it with tls=True.")
        return self.folder / "ca.pem"

    def set_clock(self, offset: str) -> None:
        """Have the next start see a clock that is off by "+1h" or "-1h"; "" is the right one."""
        self._environment = {**os.environ, **(false_clock(offset) if offset else {})}

    def dump(self) -> str:
        """Return all entries as LDIF, operational attributes included, as slapcat writes them."""
        command = [slapd_program(), "-T", "cat", "-f", str(self._config)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def restore(self, dumped: str) -> None:
        """Put a dump in the place of everything while slapd is not running."""
        for file in (self.folder / "data").iterdir():
            file.unlink()
        self.load(dumped)

    def load(self, source: Path | str) -> None:
        """Add a file of LDIF (a Path) or LDIF itself (a str) while slapd is not running."""
        if self._process is not None:
            raise SlapdError("slapadd needs a stopped server. Did you forget to call stop()?")
        text = source.encode() if isinstance(source, str) else None
        file = [] if isinstance(source, str) else ["-l", str(source)]
        command = [slapd_program(), "-T", "add", "-q", "-f", str(self._config), *file]
        done = subprocess.run(command, input=text, capture_output=True)
        if done.returncode:
            raise SlapdError(f"slapadd failed:\n{done.stderr.decode(errors='replace')}")

    def start(self) -> None:
        """Start slapd and return when it answers."""
        if self._process is not None:
            raise SlapdError("This slapd is already running.")
        command = [slapd_program(), "-d", DEBUG_NONE, "-f", str(self._config), "-h", self._listen]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self._environment,
            )
        self._guard = guard(self._process.pid)
        self._await_answer()

    def stop(self) -> None:
        """End slapd in good order (SIGTERM) and wait for it; harmless when it is not running."""
        if self._process is not None:
            self._process.terminate()
            self._reap()

    def kill(self) -> None:
        """End slapd at once (SIGKILL), as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def restart(self) -> None:
        """Stop and start again on the same ports."""
        self.stop()
        self.start()

    def connect(
        self, dn: str | None = None, password: str | None = None, *, uri: str | None = None
    ) -> ReconnectLDAPObject:
        """Open a bound connection, the admin's unless told otherwise, that outlives a restart."""
        connection = ReconnectLDAPObject(uri or self.uri, retry_max=5, retry_delay=0.1)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, PATIENCE)
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
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _config(self) -> Path:
        return self.folder / "slapd.conf"

    @property
    def _log(self) -> Path:
        return self.folder / "slapd.log"

    @property
    def _listen(self) -> str:
        secure = [] if self._tls_port is None else [self.ldaps_uri]
        return " ".join(f"{uri}/" for uri in [self.uri, self.ldapi_uri, *secure])

    def _render(self, lines: Sequence[str]) -> str:
        return CONFIG.format(
            schemas=STANDARD_SCHEMAS,
            own_schema=Path(__file__).with_name("gluu.schema"),
            modules=MODULES,
            folder=self.folder,
            tls=tls_lines(self.folder) if self._tls_port else "",
            suffix=people.SUFFIX,
            admin=self.admin_dn,
            password=self.admin_password,
            lines="\n".join(lines),
        )

    def _await_answer(self) -> None:
        """Ask for the root DSE until it comes; a slapd that gave up is reported with its log.

        The local socket is asked, because only this slapd can answer there: on the port, another
        process may have been faster. slapd opens all of its addresses or none.
        """
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            gone = self._process is None or self._process.poll() is not None
            if gone or time.monotonic() > deadline:
                self.kill()
                reason = "ended by itself" if gone else f"did not answer in {PATIENCE} s"
                raise SlapdError(f"slapd {reason}:\n{self._log.read_text(errors='replace')}")
            time.sleep(0.005)

    def _answers(self) -> bool:
        with contextlib.suppress(ldap.LDAPError):
            connection = ldap.initialize(self.ldapi_uri)
            connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 1.0)
            connection.search_ext_s("", ldap.SCOPE_BASE, attrlist=["1.1"], timeout=5)
            connection.unbind_s()
            return True
        return False

    def _reap(self) -> None:
        process, watch = self._process, self._guard
        self._process = self._guard = None
        if process is not None:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if watch is not None:
            watch.kill()
            watch.communicate()


def slapd_program() -> str:
    """Find slapd, which distributions keep outside the usual PATH."""
    program = shutil.which("slapd") or shutil.which("slapd", path=SEARCH_PATH)
    if program is None:
        raise SlapdError("There is no slapd. On Debian: apt-get install slapd ldap-utils.")
    return program


def false_clock(offset: str) -> dict[str, str]:
    """Give the environment in which a program's clock is off, by "+1h" or "-1h".

    The command `faketime` knows where its library is; used itself, it would stand between the
    tests and slapd, and not hand on their signals.
    """
    if shutil.which("faketime") is None:
        raise SlapdError("There is no faketime. On Debian: apt-get install faketime.")
    command = ["faketime", "-m", "-f", offset, "printenv", "LD_PRELOAD"]
    library = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return {"LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def tls_lines(folder: Path) -> str:
    """Tell slapd where its certificates are."""
    return (
        f'TLSCACertificateFile "{folder}/ca.pem"\n'
        f'TLSCertificateFile "{folder}/server.pem"\n'
        f'TLSCertificateKeyFile "{folder}/server.key"'
    )


def make_certificates(folder: Path) -> None:
    """Make an authority and a certificate of the loopback host, with the openssl command."""
    (folder / "server.ext").write_text(f"subjectAltName=DNS:localhost,IP:{HOST}\n")
    for command in CERTIFICATE_COMMANDS:
        words = ["openssl", *command.format(key=NEW_KEY).split()]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SlapdError(f"{' '.join(words)} failed:\n{done.stderr}")
