"""The rows of the direct LDAP backend, on a slapd that indexes the time attributes and on one
that does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.backends.ldap.search import since_filter
from flask_gluu_changes.encoder import EntryEncoder
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.timestamps import to_instant
from flask_gluu_changes.visibility import Visibility
from tests.support.people import write_people_ldif
from tests.support.slapd import DEFAULT_INDEXES, TIME_INDEXES, Slapd

from .floors import BARE, BARE_ROUTE, in_a_process, ldapsearch, python_ldap, to_json
from .serving import KeepAlive, connection, gunicorn, peak, rate, workers
from .table import Effort, Row, in_turns, noted, seconds, timed

OPERATION = "/identity/restv1/scim/UpdatedUsers"
START = datetime(2020, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=60)
PAGE = 200
FEW = 1000
WALKS = 32


def rows(effort: Effort, folder: Path) -> Iterator[Row]:
    """Measure everything on both servers."""
    people = effort.people
    ldif = folder / "people.ldif"
    with noted(f"writing {people} people"):
        write_people_ldif(ldif, people, start=START, step=STEP)
    for kind, indexes in (("unindexed", DEFAULT_INDEXES), ("indexed", TIME_INDEXES)):
        server = Slapd(folder / kind, indexes=indexes)
        with noted(f"loading the {kind} slapd"):
            server.load(ldif)
        with server:
            yield from _rows_of(server, kind, effort)
            if kind == "indexed":
                yield _many_walks(server, people, folder / "walks")


def _rows_of(server: Slapd, kind: str, effort: Effort) -> Iterator[Row]:
    yield _streamed(server, kind, effort)
    environment = {f"FLASK_{key}": value for key, value in config(server).items()}
    with gunicorn("benchmarks.app:create_app()", environment) as port:
        yield _paged(server, kind, port, effort)
        yield _far_page(kind, port, effort)
        yield _few(server, kind, port, effort)
        if kind == "indexed":
            yield _nothing(kind, port, effort)


def config(server: Slapd) -> dict[str, str]:
    return {
        "GLUU_CHANGES_LDAP_URI": server.uri,
        "GLUU_CHANGES_LDAP_BIND_DN": server.admin_dn,
        "GLUU_CHANGES_LDAP_BIND_PASSWORD": server.admin_password,
    }


def _streamed(server: Slapd, kind: str, effort: Effort) -> Row:
    peaks: list[tuple[float, float]] = []

    def ours() -> float:
        taken, *peak_ = in_a_process(stream_everything, config(server))
        peaks.append(tuple(peak_))
        return float(taken)

    search, bare = timed(partial(ldapsearch, server)), python_ldap(server, _serialize)
    turns = in_turns(effort.rounds, ours, python_ldap(server), search, bare)
    early, late = peaks[-1]
    memory = f"memory {early:.0f} MiB after 1000 entries, {late:.0f} MiB at the end"
    name = f"everything streamed, typed and encoded in process, {kind}; {memory}"
    beside = "ldapsearch", "python-ldap and orjson alone"
    return Row(name, turns, "python-ldap alone", "s", at_most=1.3, beside=beside)


def _serialize(entries: list[tuple[str, dict[str, list[bytes]]]]) -> None:
    for _, entry in entries:
        to_json(entry)


def stream_everything(settings: dict[str, str]) -> tuple[float, float, float]:
    """Stream, type and encode all; give seconds, and MiB at their peak, early and at the end."""
    configured = Settings.load(settings)
    visibility = Visibility.of((), configured.denied_attributes)
    query = ChangesQuery(START, excluded=visibility.hidden)
    backend = LdapBackend.from_config(settings)
    encoder = EntryEncoder(
        query,
        lambda n: backend.attribute_type(n) or configured.type_of(n),
        visibility,
        octets=backend.yields_octets(),
    )
    early = 0.0

    def work() -> None:
        nonlocal early
        for count, _ in enumerate(map(encoder.encode, backend.changes(query))):
            if count == 1000:
                early = peak()

    return seconds(work), early, peak()


def page_path(since: datetime, start: int, size: int) -> str:
    query = {"timeStamp": to_instant(since), "start": start, "pagesize": size}
    return f"{OPERATION}?{urlencode(query)}"


def _paged(server: Slapd, kind: str, port: int, effort: Effort) -> Row:
    def everything() -> None:
        starts = range(0, effort.people, PAGE)
        with connection(port) as client:
            bodies = [client.get(page_path(START, start, PAGE)) for start in starts]
        assert all(body.startswith(b'{"total":%d,' % PAGE) for body in bodies)

    search = timed(partial(ldapsearch, server))
    turns = in_turns(effort.rounds, timed(everything), python_ldap(server), search)
    name = f"everything over HTTP in pages of {PAGE}, {kind}"
    return Row(name, turns, "python-ldap alone", "s", at_most=1.6, beside=["ldapsearch"])


def _far_page(kind: str, port: int, effort: Effort) -> Row:
    """Compare pages of one walk, near its start and near its end."""
    near, far = PAGE, effort.people * 9 // 10
    with connection(port) as client:
        client.get(page_path(START, 0, PAGE))
        pages = [
            timed(partial(_ask, client, page_path(START, at, PAGE)), 1e3) for at in (far, near)
        ]
        turns = in_turns(effort.rounds, *pages)
    name = f"a page at start={far:,}, {kind}"
    return Row(name, turns, f"at start={near}", "ms", at_most=1.1)


def _ask(client: KeepAlive, path: str) -> None:
    for _ in range(30):
        client.get(path)


def _many_walks(server: Slapd, people: int, folder: Path) -> Row:
    """Begin as many walks as a client may have, each with an answer of its own."""
    environment = {
        **{f"FLASK_{key}": value for key, value in config(server).items()},
        "FLASK_GLUU_CHANGES_PAGING_FOLDER": str(folder),
        "FLASK_GLUU_CHANGES_MAX_PAGING_OCTETS": f"{10**11}",
    }
    with gunicorn("benchmarks.app:create_app()", environment) as port, connection(port) as client:
        peaks = []
        for number in range(WALKS):
            for start in (0, PAGE):
                client.get(page_path(START + STEP * number, start, PAGE))
            peaks.append(max(map(peak, workers())))
        disk = sum(path.stat().st_size for path in folder.rglob("*.snapshot")) / 2**20
    name = f"memory of a worker, {WALKS} walks of {people:,} people; on disk {disk:,.0f} MiB"
    return Row(name, [(peaks[-1], peaks[0])], "one walk", "MiB", at_most=1.2)


def _few(server: Slapd, kind: str, port: int, effort: Effort) -> Row:
    """The last 1000 changes, in one page; the first request of a time looks without the index."""
    since = START + STEP * (effort.people - FEW)
    filter_ = since_filter(ChangesQuery(since), "gluuPerson", indexed=True)
    with connection(port) as client:
        ask = timed(partial(client.get, page_path(since, 0, FEW)), 1e3)
        turns = in_turns(3 * effort.rounds, ask, timed(partial(ldapsearch, server, filter_), 1e3))
    name = f"{FEW} changes over HTTP in one page, {kind}"
    return Row(name, turns, "ldapsearch", "ms", at_most=2.2)


def _nothing(kind: str, port: int, effort: Effort) -> Row:
    """A poll that finds nothing, against a route that does nothing."""
    path = page_path(START + STEP * (effort.people + 1), 0, PAGE)
    turns = rates(port, effort, path, "/tiny", BARE_ROUTE)
    name = f"nothing changed, over HTTP, {kind}"
    return Row(name, turns, "a tiny Flask route", "requests/s", at_least=0.55, beside=[BARE])


def rates(port: int, effort: Effort, *paths: str) -> list[tuple[float, ...]]:
    """Measure the requests per second of several paths in turns."""
    return in_turns(effort.rounds, *(partial(rate, port, path, effort.seconds) for path in paths))
