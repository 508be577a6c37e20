"""A private MariaDB for tests: its own folder, its own loopback port, a password.

with MariaDb() as server:
    create_engine(server.url)
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

from tests.support.processes import HOST, free_port
from tests.support.servers import Server, program

USER, PASSWORD, DATABASE = "gluu", "s3cret-word", "gluudb"


class MariaDb(Server):
    """One MariaDB, made anew; stopping and starting it keeps its data and its port."""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.install()
        self._made = False

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the people's owner."""
        return f"mysql+pymysql://{USER}:{PASSWORD}@{HOST}:{self.port}/{DATABASE}"

    def connect(self, user: str = USER, password: str = PASSWORD, **options: Any) -> Any:
        """Connect with the driver alone."""
        options = {"host": HOST, "port": self.port, "database": DATABASE, **options}
        return pymysql.connect(user=user, password=password, autocommit=True, **options)

    def start(self) -> None:
        """Start it and return when it answers; the first time, make the database."""
        mariadbd = program("mariadbd", "mariadb-server-core")
        self.run([mariadbd, "--no-defaults", *self.options()], self.answers)
        if not self._made:
            self._make()

    def options(self) -> list[str]:
        """Return what it is started with."""
        options = [f"--datadir={self.data}", f"--port={self.port}", f"--bind-address={HOST}"]
        options += [f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid"]
        options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=256M"]
        options += [self._own_tmpdir()]
        return [*options, f"--user={self.account}", "--skip-name-resolve", "--max-connections=50"]

    def install(self) -> None:
        """Make its data."""
        options = [f"--datadir={self.data}", f"--user={self.account}", "--skip-test-db"]
        options += ["--skip-name-resolve", "--auth-root-authentication-method=normal"]
        options += [self._own_tmpdir()]
        install = program("mariadb-install-db", "mariadb-server-core")
        self.prepare(install, "--no-defaults", *options)

    def _own_tmpdir(self) -> str:
        # A server that starts deletes the temporary tables that it finds, whosever they are.
        return f"--tmpdir={self.folder}"

    def answers(self) -> bool:
        """Tell whether it lets clients in."""
        try:
            self.connect("root", "", database=None).close()
        except pymysql.MySQLError:
            return False
        return True

    @contextmanager
    def as_root(self) -> Iterator[Any]:
        """Yield a cursor of whoever may do everything."""
        with self.connect("root", "", database=None) as root, root.cursor() as cursor:
            yield cursor

    def stop(self) -> None:
        """End it in good order: clients are cut off."""
        self.end(signal.SIGTERM)

    def _make(self) -> None:
        with self.as_root() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER {USER} IDENTIFIED BY '{PASSWORD}'")
            cursor.execute(f"GRANT ALL ON *.* TO {USER}")
        self._made = True

    @property
    def data(self) -> Path:
        """The folder that it keeps everything in."""
        return self.folder / "data"
