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
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import quote

import ldap

from flask_gluu_changes.journal.layout import create
from flask_gluu_changes.journal.tables import JournalState, open_engine, read_state
from tests.support.filling import SLAPD
from tests.support.people import person_dn, write_people_ldif
from tests.support.slapd import DEFAULT_INDEXES, HOST, Slapd

from . import observed, sync
from .bare_journal import bare_build, bare_follower
from .bare_route import bare_page
from .direct_ldap import OPERATION, START, STEP, config, rates
from .floors import BARE, BARE_JOURNAL, BARE_PAGES, BARE_ROUTE, ldapsearch, python_ldap
from .serving import ROOT, KeepAlive, connection, gunicorn, peak, workers
from .table import Effort, Row, in_turns, noted, timed

BIG, SMALL = 1000, 200
CHANGES = 200
PATIENCE = 600.0
VISIBLE_MS = 3.0
BUILDS = 3
ASKED = 30
"""Times that a page is asked for in one turn: it takes less than a millisecond."""


def rows(effort: Effort, folder: Path, *, with_job: bool = False) -> Iterator[Row]:
    """Measure everything on one slapd and one journal; with_job: `gluu-changes` as well."""
    folder.mkdir()
    ldif = folder / "people.ldif"
    write_people_ldif(ldif, effort.people, start=START, step=STEP)
    server = Slapd(folder / "slapd", indexes=DEFAULT_INDEXES, extra=SLAPD)
    with noted("loading a slapd that can be followed"):
        server.load(ldif)
    with server:
        yield _built(server, folder, effort)
        environment = _environment(server, folder, "journal")
        with follower(environment):
            await_journal(_url(folder, "journal"), lambda state: state.built)
            with gunicorn(observed.APPLICATION, environment) as port:
                yield from _read(port, partial(ldapsearch, server), effort)
                if with_job:
                    yield from sync.rows(port, effort, folder / "sync")
                yield _visible(server, folder, port, effort.people)
                poll = now_path(port)
            yield from observed.rows(
                environment,
                folder,
                effort,
                observed.Asked(f"{_of(effort.people)}, nothing changed", poll, 0.9),
                observed.Asked(
                    f"{_of(effort.people)}, a page of {SMALL}",
                    f"{OPERATION}?cursor=&count={SMALL}",
                    0.95,
                ),
            )


def _url(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.db"


def _environment(server: Slapd, folder: Path, name: str) -> dict[str, str]:
    keys = {"GLUU_CHANGES_JOURNAL_URL": _url(folder, name), "SECRET_KEY": "signs its tokens"}
    return {f"FLASK_{key}": value for key, value in {**config(server), **keys}.items()}


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


def _built(server: Slapd, folder: Path, effort: Effort) -> Row:
    """Build it anew in each round."""
    numbers, memory = count(), [0.0]

    def build() -> float:
        name = f"build {next(numbers)}"
        with follower(_environment(server, folder, name)) as process:
            began = await_journal(_url(folder, name), lambda state: state.holder)
            taken = await_journal(_url(folder, name), lambda state: state.built) - began
            memory.append(peak(process))
        return taken

    bare = bare_build(server, folder)
    turns = in_turns(min(BUILDS, effort.rounds), build, python_ldap(server), bare)
    size = sum(file.stat().st_size for file in folder.glob("build 1.db*")) / effort.people / 1000
    name = f"{_of(effort.people)}, build from LDAP, from the lease on"
    name += f"; {size:.2f} kB an entry on disk, follower at most {max(memory):.0f} MiB"
    return Row(name, turns, "python-ldap alone", "s", at_most=1.8, beside=[BARE_JOURNAL])


def _read(port: int, search: Callable[[], object], effort: Effort) -> Iterator[Row]:
    people, of = effort.people, _of(effort.people)
    ours, bare = (partial(pages, port, people) for pages in (_all_pages, _all_bare_pages))
    turns = in_turns(effort.rounds, timed(ours), timed(search), timed(bare))
    name = f"{of}, everything, pages of {BIG} over HTTP"
    yield Row(name, turns, "ldapsearch", "s", at_most=0.4, beside=[BARE_PAGES])
    turns = in_turns(effort.rounds, timed(partial(all_lines, port, people)), timed(search))
    memory = " and ".join(f"{peak(worker):.0f}" for worker in workers())
    name = f"{of}, everything, NDJSON over HTTP; web workers at most {memory} MiB"
    yield Row(name, turns, "ldapsearch", "s", at_most=0.2)
    first, far = f"{OPERATION}?cursor=&count={SMALL}", _far(port, people)
    turns = rates(port, effort, far, "/prebuilt", bare_page(people * 9 // 10, SMALL))
    name = f"{of}, a page of {SMALL} near the end"
    yield Row(name, turns, "prebuilt page", "requests/s", at_least=0.6, beside=[BARE_PAGES])
    with connection(port) as client:
        pages = [timed(partial(_ask, client, path), 1e3 / ASKED) for path in (far, first)]
        turns = in_turns(3 * effort.rounds, *pages)
    yield Row(name, turns, "the first page", "ms", at_most=1.05)
    turns = rates(port, effort, now_path(port), "/tiny", BARE_ROUTE)
    name = f"{of}, nothing changed"
    yield Row(name, turns, "a tiny Flask route", "requests/s", at_least=0.75, beside=[BARE])


def _ask(client: KeepAlive, path: str) -> None:
    for _ in range(ASKED):
        client.get(path)


def _all_pages(port: int, people: int) -> None:
    cursor: str | None = ""
    total = 0
    with connection(port) as client:
        while cursor is not None:
            body = client.get(f"{OPERATION}?cursor={cursor}&count={BIG}")
            total += int(body[9 : body.index(b",")])
            cursor = _value(body, b'"nextCursor":"')
    assert total == people


def _all_bare_pages(port: int, people: int) -> None:
    with connection(port) as client:
        for after in range(0, people, BIG):
            client.get(bare_page(after, BIG))


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


def _visible(server: Slapd, folder: Path, port: int, people: int) -> Row:
    """From the return of a modify to the first answer that has it, asked again and again."""
    waits = _waits(server, port, partial(now_path, port))
    file = folder / "bare.db"
    environment = _environment(server, folder, file.stem)
    with bare_follower(server, file), gunicorn(observed.APPLICATION, environment) as bare_port:
        bare = _waits(server, bare_port, lambda: BARE_ROUTE)
    name = f"{_of(people)}, change to visible, p99 (median {median(waits):.1f} ms)"
    beside = [f"{BARE_JOURNAL} (median {median(bare):.1f} ms)"]
    turns = [(_p99(waits), VISIBLE_MS, _p99(bare))]
    return Row(name, turns, "limit", "ms", at_most=1, beside=beside)


def _waits(server: Slapd, port: int, path_now: Callable[[], str]) -> list[float]:
    """Change people one after the other; give the milliseconds until each change is seen."""
    admin, waits = server.connect(), []
    with connection(port) as client:
        for number in range(CHANGES):
            path = path_now()
            before = client.get(path)
            mail = [(ldap.MOD_REPLACE, "mail", [b"new%d@example.org" % time.time_ns()])]
            admin.modify_s(person_dn(number), mail)
            began = time.perf_counter()
            while client.get(path) == before:
                pass
            waits.append((time.perf_counter() - began) * 1e3)
    return waits


def _p99(waits: list[float]) -> float:
    return quantiles(waits, n=100)[98]
