"""What an audit record says of an answer, and to whom else it is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pytest
from flask import Flask, Response, request
from flask_smorest import Api
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_gluu_changes import (
    AuditRecord,
    BackendRefused,
    BackendUnavailable,
    GluuChanges,
    JsonFormatter,
    page_served,
    request_refused,
)
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.journal.writer import WriteBatch
from flask_gluu_changes.protection import Guard
from tests.support.apps import OPERATION, PEOPLE, make_app, query_of
from tests.support.apps import shape as shape
from tests.support.audited import Records
from tests.support.failing import FailingBackend
from tests.support.journal_site import NDJSON, Site
from tests.support.journals import Journal
from tests.support.markers import DENIED, TOKEN_SECRET
from tests.support.protection import MakeSite

BYPASS = {"GLUU_CHANGES_PROTECTION": "bypass", "TESTING": True}


def test_a_page_by_time(records: Records) -> None:
    """The range that was asked for, and how many people were told."""
    make_app("bare", MemoryBackend(PEOPLE)).test_client().get(
        OPERATION, query_string=query_of(pagesize="2")
    )
    record = records.take()
    asked = {"timeStamp": "2019-12-24T12:00:03+00:00", "start": 0, "pagesize": 2}
    assert (record.form, json.loads(str(record))["asked"]) == ("timeStamp", asked)
    assert (record.entries, record.removals, record.status) == (2, 0, 200)
    assert 0 < record.seconds < 60
    at = datetime.fromisoformat(json.loads(str(record))["time"]).timestamp()
    assert at == pytest.approx(record.time, abs=0.0011)


def test_pages_by_token(journal: Journal, site: Site, records: Records) -> None:
    """The place from which the client goes on, entries and removals."""
    journal.put("a", "b", "c")
    token = site.full()
    records.kept.clear()
    journal.put("d")
    journal.remove("a")
    site.page(deltaToken=token)
    record = records.take()
    assert (record.form, record.asked) == ("deltaToken", {"after": 3, "count": 200})
    assert (record.entries, record.removals) == (1, 1)


def test_a_full_run(journal: Journal, site: Site, records: Records) -> None:
    """Each page is a record."""
    journal.put("a", "b", "c")
    site.run(cursor="", count=2)
    found = [(one.form, one.asked["after"], one.entries) for one in records.kept]
    assert found == [("cursor", 0, 2), ("cursor", 2, 1)]


def test_a_stream_is_recorded_at_its_end(journal: Journal, site: Site, records: Records) -> None:
    """With all that was in it."""
    journal.put("a", "b", "c")
    answer = site._client.get(
        OPERATION, query_string="cursor=", headers={"Accept": NDJSON}, buffered=False
    )
    assert not records.kept
    assert len(answer.data.splitlines()) == 4
    answer.close()
    record = records.take()
    assert (record.form, record.entries, record.reason) == ("stream", 3, "")


def test_a_stream_that_is_broken_off(journal: Journal, site: Site, records: Records) -> None:
    """Is told by its reason; the people that were sent until then count."""
    journal.put(*(f"{number}" for number in range(3000)))
    answer = site._client.get(OPERATION, query_string="cursor=", headers={"Accept": NDJSON})
    next(iter(answer.response))
    answer.close()
    record = records.take()
    assert (record.form, record.status, record.reason) == ("stream", 200, "broken_off")
    assert record.entries == 1000


def test_what_is_not_a_page(journal: Journal, site: Site, records: Records) -> None:
    """The status, the documents, an unchanged answer, and what the journal refuses."""
    journal.put("a")
    token = site.full()
    tag = site.get(deltaToken=token).headers["ETag"]
    records.kept.clear()
    site._client.get(f"{OPERATION}/status")
    site._client.get("/identity/scim/resource_changes.yaml")
    site.get({"If-None-Match": tag}, deltaToken=token)
    site.get(deltaToken="x")
    journal.writer.begin_epoch()
    journal.writer.commit(WriteBatch(built=True))
    site.get(deltaToken=token)
    assert [(one.form, one.status, one.reason) for one in records.kept] == [
        ("status", 200, ""),
        ("document", 200, ""),
        ("deltaToken", 304, ""),
        ("deltaToken", 400, "invalidCursor"),
        ("deltaToken", 410, "expiredCursor"),
    ]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (BackendUnavailable("away"), 503, "backend_unavailable"),
        (BackendRefused("no"), 500, "backend_refused"),
        (RuntimeError("boom"), 500, "internal_error"),
    ],
)
def test_a_store_that_fails(
    error: Exception, status: int, reason: str, shape: str, records: Records
) -> None:
    """Is told apart from a mistake of the program."""
    app = make_app(shape, FailingBackend(lambda: error, "at the call"))
    app.test_client().get(OPERATION, query_string=query_of())
    record = records.take()
    assert (record.status, record.reason, record.entries) == (status, reason, 0)


def test_behind_a_proxy_and_under_a_prefix(shape: str, records: Records) -> None:
    """The address is the client's, and the paths are where the host has put them."""
    app = Flask(shape)
    app.config.update(BYPASS, GLUU_CHANGES_URL_PREFIX="/deep/scim")
    app.config.update(API_TITLE="Host", API_VERSION="1", OPENAPI_VERSION="3.0.3")
    GluuChanges(app, backend=MemoryBackend(PEOPLE), api=Api(app) if shape == "api" else None)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_prefix=1)  # type: ignore[method-assign]
    headers = {"X-Forwarded-For": "2001:db8::7", "X-Forwarded-Prefix": "/outer"}
    app.test_client().get("/deep/scim/UpdatedUsers", query_string=query_of(), headers=headers)
    record = records.take()
    assert (record.address, record.entries) == ("2001:db8::7", 3)


@pytest.mark.parametrize("sent", ["abc-1.2:3", "a" * 64])
def test_a_request_id_is_taken_over(sent: str, records: Records) -> None:
    """And given back, so that client, proxy and operator speak of the same request."""
    client = make_app("bare", MemoryBackend()).test_client()
    answer = client.get(OPERATION, query_string=query_of(), headers={"X-Request-Id": sent})
    assert (answer.headers["X-Request-Id"], records.take().request_id) == (sent, sent)


@pytest.mark.parametrize("sent", [None, "", "two words", "a" * 65, "ü", "a\tb", '"'])
def test_a_request_id_is_made(sent: str | None, records: Records) -> None:
    """Where there is none that could be one."""
    client = make_app("bare", MemoryBackend()).test_client()
    headers = {} if sent is None else {"X-Request-Id": sent}
    answer = client.get(OPERATION, query_string=query_of(), headers=headers)
    made = answer.headers["X-Request-Id"]
    assert made == records.take().request_id
    assert len(made) == 16
    assert made != sent


def test_a_token_is_no_request_id(make_site: MakeSite, records: Records) -> None:
    """A client that confuses the headers writes no token into the log."""
    site = make_site("oauth")
    token = site.server.issue()
    site.get(token, headers={"X-Request-Id": token})
    assert token not in records.take().request_id


def test_no_value_and_no_token_is_in_a_record(
    journal: Journal, make_site: MakeSite, records: Records
) -> None:
    """Planted ones neither, wherever a client may put them."""
    site = make_site("oauth")
    site.backend.entries[0] = {**site.backend.entries[0], "mail": ["planted@example.org"]}
    token = site.server.issue()
    for query in ("timeStamp=planted-1&pagesize=1", "planted-2=1", "cursor=planted-3"):
        site.get(token, query_string=query, headers={"User-Agent": "planted-4"})
        site.get("planted-5", query_string=query)
    site.get(token)
    token_site = Site(journal)
    journal.put("a")
    page = token_site.page(cursor="", attributes="planted6")
    token_site.page(deltaToken=page["nextDeltaToken"]["value"], attributes="planted6")
    written = "\n".join(records.lines)
    assert len(records.lines) == 9
    for planted in ("planted", token, page["nextDeltaToken"]["value"], DENIED, TOKEN_SECRET):
        assert planted not in written


@pytest.mark.parametrize("client", ['a\n"}\u2028', "\u202e\x9b", "\ud800"])
def test_a_claim_cannot_break_a_line(client: str, make_site: MakeSite, records: Records) -> None:
    """Nor fill the disk, nor tell a terminal what to do."""
    site = make_site("oauth")
    site.get(site.server.issue(client_id=client, sub="s" * 5000))
    (line,) = records.lines
    assert line.isprintable()
    found = json.loads(line)
    assert (found["client"], len(found["subject"])) == (client, 256)


def test_the_audit_can_be_switched_off(records: Records) -> None:
    """Then there is no record, and no request id is made up."""
    app = Flask("off")
    app.config.update(BYPASS, GLUU_CHANGES_AUDIT=False)
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    answer = app.test_client().get(OPERATION, query_string=query_of())
    assert answer.status_code == 200
    assert "X-Request-Id" not in answer.headers
    assert not records.kept


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any, AuditRecord]]]:
    """What the signals tell."""
    found: list[tuple[str, Any, AuditRecord]] = []

    def serve(sender: Any, record: AuditRecord) -> None:
        found.append(("served", sender, record))

    def refuse(sender: Any, record: AuditRecord) -> None:
        found.append(("refused", sender, record))

    with page_served.connected_to(serve), request_refused.connected_to(refuse):
        yield found


@pytest.mark.parametrize("audited", [True, False])
def test_signals_tell_the_same(audited: bool, heard: list[tuple[str, Any, AuditRecord]]) -> None:
    """To a host, whether the audit is on or off, and with its own application as sender."""
    app = Flask("signals")
    app.config.update(BYPASS, GLUU_CHANGES_AUDIT=audited)
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    app.test_client().get(OPERATION, query_string=query_of())
    app.test_client().get(OPERATION)
    app.test_client().get("/identity/scim/resource_changes.yaml")
    assert [(kind, sender, record.status) for kind, sender, record in heard] == [
        ("served", app, 200),
        ("refused", app, 400),
    ]
    assert heard[0][2].entries == 3


def test_a_wait_is_a_form_of_its_own(journal: Journal, records: Records) -> None:
    """Else nobody could tell slow answers from patient clients."""
    journal.put("a")
    site = Site(journal, max_wait_seconds=1)
    token = site.full()
    records.kept.clear()
    answer = site.get({"Prefer": "wait=1"}, deltaToken=token)
    assert answer.headers["Preference-Applied"] == "wait=1"
    record = records.take()
    assert (record.form, record.entries) == ("wait", 0)
    assert record.seconds >= 0.9


def test_the_formatter_writes_other_records_too() -> None:
    """So that one handler serves for all logs of an application."""
    formatter = JsonFormatter()
    try:
        raise ValueError("why")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    made = logging.LogRecord("host", logging.ERROR, __file__, 1, "%s\n%d", ("two", 2), info)
    line = formatter.format(made)
    assert "\n" not in line
    found = json.loads(line)
    assert (found["level"], found["logger"], found["message"]) == ("ERROR", "host", "two\n2")
    assert "ValueError: why" in found["exception"]


def test_a_plain_formatter_writes_json_as_well(caplog: pytest.LogCaptureFixture) -> None:
    """The message of a record is its content."""
    with caplog.at_level(logging.INFO, "flask_gluu_changes.audit"):
        make_app("bare", MemoryBackend(PEOPLE)).test_client().get(
            OPERATION, query_string=query_of()
        )
    (record,) = [one for one in caplog.records if one.name == "flask_gluu_changes.audit"]
    assert json.loads(record.getMessage())["entries"] == 3


class HostsGuard(Guard):
    """Lets two pass: one it knows, one it does not; and refuses by an answer of its own."""

    def check(self, scopes: Iterable[str] | None = None) -> None:
        if "Authorization" not in request.headers:
            raise HTTPException(response=Response("go away", 418))

    def identity(self) -> tuple[str, str]:
        known = request.headers.get("Authorization") == "known"
        return ("hr", "ada") if known else super().identity()


@pytest.mark.parametrize(
    ("sent", "status", "reason", "client"),
    [("known", 200, "", "hr"), ("other", 200, "", ""), (None, 418, "refused", "")],
)
def test_a_guard_of_the_hosts_own(
    sent: str | None, status: int, reason: str, client: str, records: Records
) -> None:
    """May say who asks; its refusals are recorded, whatever they look like."""
    app = Flask("guard")
    GluuChanges(app, backend=MemoryBackend(PEOPLE), protector=HostsGuard())
    headers = {"Authorization": sent} if sent else {}
    app.test_client().get(OPERATION, query_string=query_of(), headers=headers)
    record = records.take()
    assert (record.status, record.reason, record.client) == (status, reason, client)
