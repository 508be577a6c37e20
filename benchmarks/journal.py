"""The rows of the journal: built from slapd by syncrepl, in SQLite, served by two workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import quote

import ldap

from flask_gluu_changes.journal.layout import create
from flask_gluu_changes.journal.tables import JournalState, open_engine, read_state
from tests.support.filling import SLAPD
from tests.support.people import person_dn, write_people_ldif
from tests.support.slapd import DEFAULT_INDEXES, HOST, Slapd

from . import observed
from .direct_ldap import OPERATION, START, STEP, config, ldapsearch
from .serving import ROOT, connection, gunicorn, peak, rate, workers
from .table import Row, compare, noted, seconds

BIG, SMALL = 1000, 200
CHANGES = 200
ROUNDS = 3
PATIENCE = 600.0
VISIBLE_MS = 5.0


def rows(people: int, folder: Path) -> Iterator[Row]:
    """Measure everything on one slapd and one journal."""
    folder.mkdir()
    ldif = folder / "people.ldif"
    write_people_ldif(ldif, people, start=START, step=STEP)
    server = Slapd(folder / "slapd", indexes=DEFAULT_INDEXES, extra=SLAPD)
    with noted("loading a slapd that can be followed"):
        server.load(ldif)
    url = f"sqlite:///{folder}/journal.db"
    keys = {
        **config(server),
        "GLUU_CHANGES_JOURNAL_URL": url,
        "SECRET_KEY": "signs its tokens",
    }
    environment = {f"FLASK_{key}": value for key, value in keys.items()}
    with server:
        search = partial(ldapsearch, server, "(objectClass=gluuPerson)")
        peer = median(seconds(search) for _ in range(ROUNDS))
        with follower(environment) as process:
            began = await_journal(url, lambda state: state.holder)
            taken = await_journal(url, lambda state: state.built) - began
            yield _built(taken, peer, folder, people, peak(process))
            with gunicorn("benchmarks.app:create_app()", environment) as port:
                yield from _read(port, search, people)
                yield _visible(server, port, people)
                page, poll = f"{OPERATION}?cursor=&count={SMALL}", now_path(port)
            name = f"{_of(people)}, metrics and audit on"
            yield from observed.rows(
                environment,
                folder,
                observed.Asked(f"{name}, nothing changed", poll, 0.9),
                observed.Asked(f"{name}, a page of {SMALL}", page, 0.95),
            )


def _of(people: int) -> str:
    return f"journal of {people:,}"


@contextmanager
def follower(environment: dict[str, str]) -> Iterator[int]:
    command = [sys.executable, "-m", "flask", "--app", "benchmarks.app", "gluu-changes", "follow"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=quiet, stderr=quiet
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(PATIENCE)


def await_journal(url: str, holds: Callable[[JournalState], object]) -> float:
    """Wait until something holds of the journal; give the time."""
    engine = open_engine(url)
    create(engine)
    until = time.monotonic() + PATIENCE
    while not holds(_state(engine)):
        if time.monotonic() > until:
            raise RuntimeError("the journal was not built")
        time.sleep(0.02)
    engine.dispose()
    return time.perf_counter()


def _state(engine) -> JournalState:  # type: ignore[no-untyped-def]
    with engine.begin() as connection_:
        return read_state(connection_)


def _built(taken: float, peer: float, folder: Path, people: int, memory: float) -> Row:
    size = sum(file.stat().st_size for file in folder.glob("journal.db*"))
    name = f"{_of(people)}, build from LDAP, from the lease on"
    name += f"; {size / people / 1000:.2f} kB an entry on disk, follower at most {memory:.0f} MiB"
    return Row(name, taken, "ldapsearch", peer, "s", at_most=6)


def _read(port: int, search: Callable[[], object], people: int) -> Iterator[Row]:
    pages, peer = compare(partial(_all_pages, port, people), search, ROUNDS)
    name = f"{_of(people)}, everything, pages of {BIG} over HTTP"
    yield Row(name, pages, "ldapsearch", peer, "s", at_most=0.5)
    stream, peer = compare(partial(all_lines, port, people), search, ROUNDS)
    memory = " and ".join(f"{peak(worker):.0f}" for worker in workers())
    name = f"{_of(people)}, everything, NDJSON over HTTP; web workers at most {memory} MiB"
    yield Row(name, stream, "ldapsearch", peer, "s", at_most=0.25)
    first, far = f"{OPERATION}?cursor=&count={SMALL}", _far(port, people)
    ours, prebuilt = _rates(port, far, "/prebuilt")
    name = f"{_of(people)}, a page of {SMALL} near the end"
    yield Row(name, ours, "prebuilt page", prebuilt, "requests/s", at_least=0.55)
    with connection(port) as client:
        late, early = compare(lambda: client.get(far), lambda: client.get(first), 300)
    yield Row(name, late * 1e3, "the first page", early * 1e3, "ms", at_most=1.1)
    ours, tiny = _rates(port, now_path(port), "/tiny")
    name = f"{_of(people)}, nothing changed"
    yield Row(name, ours, "a tiny Flask route", tiny, "requests/s", at_least=0.8)


def _rates(port: int, path: str, peer: str) -> tuple[float, float]:
    pairs = [(rate(port, path, 1.0), rate(port, peer, 1.0)) for _ in range(ROUNDS)]
    ours, theirs = (median(column) for column in zip(*pairs, strict=True))
    return ours, theirs


def _all_pages(port: int, people: int) -> None:
    cursor: str | None = ""
    total = 0
    with connection(port) as client:
        while cursor is not None:
            body = client.get(f"{OPERATION}?cursor={cursor}&count={BIG}")
            total += int(body[9 : body.index(b",")])
            cursor = _value(body, b'"nextCursor":"')
    assert total == people


def _value(body: bytes, key: bytes) -> str | None:
    """Cut a token out of the end of a page, without reading the page as JSON."""
    at = body.rfind(key)
    return None if at < 0 else body[at + len(key) : body.index(b'"', at + len(key))].decode()


def all_lines(port: int, people: int) -> None:
    http = HTTPConnection(HOST, port)
    http.request("GET", f"{OPERATION}?cursor=", headers={"Accept": "application/x-ndjson"})
    answer, lines, last = http.getresponse(), 0, b""
    while part := answer.read(1 << 20):
        lines += part.count(b"\n")
        last = part
    http.close()
    assert lines == people + 1
    assert b"nextDeltaToken" in last


def _far(port: int, people: int) -> str:
    """Walk near the end, for a page from there."""
    cursor = ""
    with connection(port) as client:
        for _ in range(people // BIG * 9 // 10):
            body = client.get(f"{OPERATION}?cursor={cursor}&count={BIG}")
            cursor = _value(body, b'"nextCursor":"') or ""
    return f"{OPERATION}?cursor={cursor}&count={SMALL}"


def now_path(port: int) -> str:
    with connection(port) as client:
        body = json.loads(client.get(f"{OPERATION}?deltaToken=latest"))
    return f"{OPERATION}?deltaToken={quote(body['nextDeltaToken']['value'])}&count={SMALL}"


def _visible(server: Slapd, port: int, people: int) -> Row:
    """From the return of a modify to the first answer that has it, asked again and again."""
    admin, waits = server.connect(), []
    with connection(port) as client:
        path = now_path(port)
        for number in range(CHANGES):
            mail = [(ldap.MOD_REPLACE, "mail", [b"new%d@example.org" % number])]
            admin.modify_s(person_dn(number), mail)
            began = time.perf_counter()
            while client.get(path).startswith(b'{"total":0'):
                pass
            waits.append((time.perf_counter() - began) * 1e3)
            path = now_path(port)
    name = f"{_of(people)}, change to visible, p99 (median {median(waits):.1f} ms)"
    return Row(name, quantiles(waits, n=100)[98], "limit", VISIBLE_MS, "ms", at_most=1)
