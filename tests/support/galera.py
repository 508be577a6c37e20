"""A private MariaDB Galera Cluster for tests: nodes on loopback ports of their own.

with Galera() as cluster:
    create_engine(cluster.nodes[0].url)
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pymysql

from tests.support.mariadb import MariaDb
from tests.support.processes import HOST, free_port
from tests.support.servers import PATIENCE, ServerError, program

LIBRARY = "lib*/galera*/libgalera_smm.so"
EVERY = 0.02
"""Seconds between two looks at a node."""

VIEW = """my_uuid: {own}
#vwbeg
view_id: 3 {first} 1
bootstrap: 0
{members}
#vwend
"""
"""The members of a group that all went at once: they go on when all are back, and send nothing."""

GROUP = {
    "gcache.size": "16M",
    "evs.keepalive_period": "PT0.2S",
    "evs.inactive_check_period": "PT0.2S",
    "evs.suspect_timeout": "PT1.5S",
    "evs.inactive_timeout": "PT4S",
    "evs.install_timeout": "PT4S",
    "gmcast.time_wait": "PT0.5S",
    "pc.announce_timeout": "PT0.5S",
    "repl.causal_read_timeout": "PT10S",
}
"""Tests do not wait for Galera's own patience."""


class GaleraNode(MariaDb):
    """One node; it keeps its port over restarts.

    template: a node that was stopped, of which it is a copy: it has a place in the history of their
    group, and need not be sent everything. The script that does that runs under no root.
    """

    user = "mysql"

    def __init__(self, template: GaleraNode | None = None) -> None:
        self._template = template
        self._group, self._ist, self._sst = (free_port() for _ in range(3))
        self.address = f"{HOST}:{self._group}"
        self.others: Sequence[str] = ()
        self._position: list[str] = []
        super().__init__()
        self._made = template is not None

    def start(self) -> None:
        """Start it, and return when it holds what the others hold, if there are others."""
        self._position = self._recovered()
        super().start()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.end(signal.SIGKILL)

    def answers(self) -> bool:
        """Tell whether it holds what the others hold."""
        try:
            return self.status("wsrep_local_state_comment") == "Synced"
        except pymysql.MySQLError:
            return False

    def status(self, name: str) -> str:
        """Return what it says of itself."""
        with self.as_root() as cursor:
            cursor.execute(f"SHOW STATUS LIKE '{name}'")
            return str(dict(cursor.fetchall()).get(name, ""))

    def await_status(self, name: str, *wanted: str) -> None:
        """Wait until it says something of itself."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.status(name)) not in wanted:
            if time.monotonic() > deadline:
                raise ServerError(f"{name} is {found}:\n{self._log.read_text(errors='replace')}")
            time.sleep(EVERY)

    def cut_off(self) -> None:
        """Cut the line to all others; nobody has noticed it yet."""
        self.set_provider("gmcast.isolate=1")

    def join_again(self) -> None:
        """Mend the line, and wait until it holds what the others hold."""
        self.set_provider("gmcast.isolate=0")
        self.await_status("wsrep_ready", "ON")
        self.await_status("wsrep_local_state_comment", "Synced")

    def set_provider(self, option: str) -> None:
        """Change an option of the cluster's library."""
        with self.as_root() as cursor:
            cursor.execute(f"SET GLOBAL wsrep_provider_options = '{option}'")

    @contextmanager
    def lagging(self) -> Iterator[None]:
        """Have it take in nothing of what the others write, which go on."""
        with self.as_root() as cursor:
            cursor.execute("FLUSH TABLES WITH READ LOCK")
            try:
                yield
            finally:
                cursor.execute("UNLOCK TABLES")

    def be_member(self, own: str, names: Sequence[str]) -> None:
        """Have it go on as a member of a group."""
        members = "\n".join(f"member: {name} 0" for name in names)
        file = self.data / "gvwstate.dat"
        file.write_text(VIEW.format(own=own, first=min(names), members=members))
        if self._account:
            os.chown(file, self._account.pw_uid, self._account.pw_gid)

    def forget_place(self) -> None:
        """Have it be sent everything when it starts."""
        (self.data / "grastate.dat").unlink()

    def install(self) -> None:
        """Make its data, or take that of the template."""
        if self._template is None:
            super().install()
        else:
            self.prepare("cp", "-r", str(self._template.data), str(self.data))

    def options(self) -> list[str]:
        """Return what it is started with."""
        provider = GROUP | {
            "gmcast.listen_addr": f"tcp://{self.address}",
            "ist.recv_addr": f"{HOST}:{self._ist}",
        }
        options = {
            "wsrep-on": "ON",
            "wsrep-provider": _library(),
            "wsrep-provider-options": ";".join(f"{k}={v}" for k, v in provider.items()),
            "wsrep-cluster-name": "tests",
            "wsrep-cluster-address": f"gcomm://{','.join(self.others)}",
            "wsrep-node-address": self.address,
            "wsrep-node-name": self.port,
            "wsrep-sst-method": "rsync",
            "wsrep-sst-receive-address": f"{HOST}:{self._sst}",
            "binlog-format": "ROW",
            "innodb-autoinc-lock-mode": 2,
            "wsrep-slave-threads": 4,
            "innodb-buffer-pool-size": "32M",
        }
        given = [f"--{name}={value}" for name, value in options.items()]
        return [*super().options(), *given, *self._position]

    def _recovered(self) -> list[str]:
        """Return the option that tells its place in the history after it was killed."""
        file = self.data / "grastate.dat"
        if not file.exists() or "seqno:   -1" not in file.read_text():
            return []
        self._position = []
        command = [program("mariadbd", "mariadb-server-core"), "--no-defaults", *self.options()]
        done = subprocess.run(
            [*command, "--wsrep-recover"], capture_output=True, text=True, **self._identity()
        )
        (place,) = re.findall(r"WSREP: Recovered position: (\S+)", done.stderr)
        return [f"--wsrep-start-position={place}"]


def _library() -> Path:
    found = sorted(Path("/usr").glob(LIBRARY))
    if not found:
        raise ServerError("There is no libgalera_smm.so. On Debian: apt-get install galera-4.")
    return found[0]


class Galera:
    """Some nodes that are one cluster."""

    def __init__(self, size: int = 3) -> None:
        first = GaleraNode()
        first.start()
        first.stop()
        self.nodes = [first, *(GaleraNode(first) for _ in range(size - 1))]

    @property
    def urls(self) -> list[str]:
        """The SQLAlchemy URL of each node."""
        return [node.url for node in self.nodes]

    def start(self) -> None:
        """Start all nodes, and return when they are one cluster."""
        names = [str(uuid.uuid1()) for _ in self.nodes]
        for node, own in zip(self.nodes, names, strict=True):
            node.others = [other.address for other in self.nodes if other is not node]
            node.be_member(own, names)
        self._each(self.nodes, GaleraNode.start)

    def stop(self) -> None:
        """End all nodes by SIGKILL, at once."""
        self._each(self.nodes, GaleraNode.kill)

    def start_again(self) -> None:
        """Start all nodes that went at once; the one that knows most tells the others."""
        self._each(self.nodes, GaleraNode.start)

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
        for node in self.nodes:
            node.remove()

    @staticmethod
    def _each(nodes: Sequence[GaleraNode], do: Callable[[GaleraNode], None]) -> None:
        with ThreadPoolExecutor(len(nodes)) as threads:
            for _ in threads.map(do, nodes):
                pass
