"""A journal without us: what syncrepl tells is serialized and inserted, and nothing is checked."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import ldap
from ldap.syncrepl import SyncRequestControl

from flask_gluu_changes.journal.layout import create
from flask_gluu_changes.journal.tables import open_engine
from tests.support.slapd import Slapd

from .floors import EVERYBODY, in_a_process, to_json
from .table import seconds

AT_ONCE = 1000
PATIENCE = 60.0

NAMES = ["*", "entryUUID", "entryCSN"]
COLUMNS = "seq,id,version,digest,changed_at,counts_until,inum,uid,sort_key,line"
INSERT = f"INSERT OR REPLACE INTO gluu_changes_entry ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)"
ADVANCE = "UPDATE gluu_changes_state SET head = ?"
DIGEST = bytearray(16)


def bare_build(server: Slapd, folder: Path) -> Callable[[], float]:
    """Return what measures the first reading into a new file, in a new process each time."""
    numbers = count()
    return lambda: in_a_process(_build, *_arguments(server, folder / f"bare {next(numbers)}.db"))


@contextmanager
def bare_follower(server: Slapd, file: Path) -> Iterator[None]:
    """Have a process insert each change, one transaction each."""
    spawning = multiprocessing.get_context("spawn")
    is_live = spawning.Event()
    process = spawning.Process(target=_follow, args=(*_arguments(server, file), is_live))
    process.start()
    try:
        assert is_live.wait(PATIENCE)
        yield
    finally:
        process.terminate()
        process.join()


def _arguments(server: Slapd, file: Path) -> tuple[str, str, str, str, str]:
    url = f"sqlite:///{file}"
    return server.uri, server.admin_dn, server.admin_password, server.base_dn, url


def _build(uri: str, name: str, password: str, base: str, url: str) -> float:
    cursor, rows = _cursor(url), list[Any]()

    def work() -> None:
        for read in _read(uri, name, password, base, "refreshOnly"):
            rows.extend(read)
            if len(rows) >= AT_ONCE:
                _write(cursor, rows)
        _write(cursor, rows)

    return seconds(work)


def _follow(uri: str, name: str, password: str, base: str, url: str, is_live: Any) -> None:
    cursor, rows = _cursor(url), list[Any]()
    for read in _read(uri, name, password, base, "refreshAndPersist"):
        rows.extend(read)
        if is_live.is_set() or not read:  # which only the end of the refresh is
            _write(cursor, rows)
            is_live.set()


def _read(uri: str, name: str, password: str, base: str, mode: str) -> Iterator[list[Any]]:
    """Yield the row of each entry; python-ldap's own methods decode all controls slowly."""
    connection = ldap.initialize(uri)
    connection.simple_bind_s(name, password)
    arguments = (base, ldap.SCOPE_SUBTREE, EVERYBODY, NAMES)
    message = connection.search_ext(*arguments, serverctrls=[SyncRequestControl(mode=mode)])
    kind, numbers = None, count(1)
    while kind != ldap.RES_SEARCH_RESULT:
        kind, content, *_ = connection._l.result4(message, ldap.MSG_ONE, PATIENCE, 1, 1, 0)
        yield [_row(next(numbers), entry) for _, entry, _ in content if isinstance(entry, dict)]


def _cursor(url: str) -> Any:
    engine = open_engine(url)
    create(engine)
    return engine.raw_connection().cursor()


def _row(number: int, entry: dict[str, list[bytes]]) -> tuple[object, ...]:
    uid, inum = bytearray(entry["uid"][0]), bytearray(entry["inum"][0])
    id_, body = bytearray(entry["entryUUID"][0]), bytearray(to_json(entry))
    return (number, id_, number, DIGEST, number, number, inum, uid, uid + inum, body)


def _write(cursor: Any, rows: list[Any]) -> None:
    cursor.execute("BEGIN IMMEDIATE")
    cursor.executemany(INSERT, rows)
    if rows:
        cursor.execute(ADVANCE, (rows[-1][0],))
    cursor.execute("COMMIT")
    rows.clear()
