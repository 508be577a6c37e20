"""A stream says line by line what pages say, and its last line that it is whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flask_gluu_changes import BackendUnavailable
from flask_gluu_changes.journal.protocol import Slice
from flask_gluu_changes.journal.writer import WriteBatch
from tests.support.journal_site import NDJSON, Site, gone, shown
from tests.support.journals import Journal


@pytest.mark.parametrize("rows", [1, 2, 3, 1000])
def test_a_stream_is_a_run_in_one_answer(
    journal: Journal, site: Site, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows are read at a time, and with any count."""
    monkeypatch.setattr("flask_gluu_changes.web.delta.STREAM_ROWS", rows)
    journal.put(*"abcde", updatedAt="20240501120000Z")
    token = site.full()
    journal.remove("b")
    journal.put("a", mail="new")
    journal.remove("c")
    for query in ({"cursor": ""}, {"deltaToken": token, "count": "1"}):
        pages = site.run(**query)
        *lines, last = site.lines(**query)
        entries = [line for line in lines if line["@changeType"] != "removed"]
        assert [line["@id"] for line in entries] == shown(pages)
        removed = [(e["@id"], e["reason"]) for e in lines if e["@changeType"] == "removed"]
        assert removed == gone(pages)
        assert last["total"] == len(entries)
        assert "nextCursor" not in last


def test_a_stream_keeps_the_order_of_change(journal: Journal, site: Site) -> None:
    """Removals stand where they happened."""
    journal.put(*"abc")
    token = site.full()
    journal.put("c", mail="new")
    journal.remove("a")
    journal.put("b", mail="new")
    assert [line["@id"] for line in site.lines(deltaToken=token)[:-1]] == list("cab")


def test_the_last_line_leads_on(journal: Journal, site: Site) -> None:
    """To the next stream, or to pages."""
    journal.put("a")
    last = site.lines(cursor="")[-1]
    journal.put("b")
    token = last["nextDeltaToken"]["value"]
    assert shown(site.run(deltaToken=token)) == ["b"]
    assert [line.get("@id") for line in site.lines(deltaToken=token)] == ["b", None]


def test_a_stream_can_begin_from_now_on(journal: Journal, site: Site) -> None:
    """Then it is its last line."""
    (last,) = site.lines(deltaToken="latest")
    assert last["total"] == 0


def test_a_stream_selects_attributes(journal: Journal, site: Site) -> None:
    """As pages do."""
    journal.put("a", mail="a@example.org")
    (line, _) = site.lines(cursor="", attributes="mail")
    assert line.keys() == {"@id", "@version", "@changeType", "inum", "mail"}


def test_a_stream_that_breaks_off_has_no_last_line(
    journal: Journal, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here because a new epoch begins while it is written."""
    monkeypatch.setattr("flask_gluu_changes.web.delta.STREAM_ROWS", 1)
    journal.put(*"abc")
    answer = site.app.test_client().get(
        "/identity/restv1/scim/UpdatedUsers?cursor=", headers={"Accept": NDJSON}, buffered=False
    )
    read = iter(answer.iter_encoded())
    first = next(read)
    journal.writer.begin_epoch()
    journal.writer.commit(WriteBatch(built=True))
    with pytest.raises(Exception, match="new epoch"):
        list(read)
    assert "@id" in json.loads(first)
    answer.close()


@pytest.mark.parametrize(
    "accept", ["application/json", "*/*", "text/html", "", NDJSON + ";q=0.5,*/*"]
)
def test_pages_are_json_unless_a_stream_is_preferred(site: Site, accept: str) -> None:
    """Browsers and simple clients need not say anything."""
    answer = site.get({"Accept": accept}, cursor="")
    assert answer.mimetype == "application/json"
    assert answer.headers["Vary"] == "Accept"


def test_a_stream_that_gets_no_place_reads_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else refused clients would keep the server at work; a failed read gives its place back."""
    journal.put("a")
    site, stream = Site(journal, server_threads=2), {"Accept": NDJSON}
    reads: list[object] = []
    read = journal.backend.read_joined

    def noted(*arguments: Any) -> Slice:
        reads.append(arguments)
        return read(*arguments)

    monkeypatch.setattr(journal.backend, "read_joined", noted)
    with monkeypatch.context() as broken:
        broken.setattr(journal.backend, "read_joined", _fail)
        assert site.get(stream, cursor="").status_code == 503
    held = site.get(stream, cursor="")
    assert (held.status_code, len(reads)) == (200, 1)
    assert site.get(stream, cursor="").status_code in (429, 503)
    assert len(reads) == 1
    held.close()


def _fail(*_: object) -> Slice:
    raise BackendUnavailable("the journal is away")
