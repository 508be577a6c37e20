"""Who has an answer already is told so, and only then."""

from __future__ import annotations

import re

import pytest

from flask_gluu_changes.journal.tables import now
from flask_gluu_changes.settings.journal import MICROS_OF_DAY
from tests.support.apps import OPERATION
from tests.support.journal_site import NDJSON, Site, shown, token_of
from tests.support.journals import Journal


def test_the_tag_names_epoch_and_head(journal: Journal, site: Site) -> None:
    """And a digest of the view; it is weak, since tokens differ in their time."""
    journal.put("a")
    tag = site.get(cursor="").headers["ETag"]
    state = journal.writer.state()
    assert re.fullmatch(rf'W/"{state.epoch}\.{state.head}\.[0-9a-f]{{16}}"', tag)


def test_an_answer_that_is_known_is_304(journal: Journal, site: Site) -> None:
    """Until something changes."""
    journal.put("a")
    token = site.full()
    journal.put("b")
    known = {"If-None-Match": site.get(deltaToken=token).headers["ETag"]}
    again = site.get(known, deltaToken=token)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == known["If-None-Match"]
    journal.remove("a")
    assert site.get(known, deltaToken=token).status_code == 200


def test_a_tag_is_good_for_its_own_place_only(journal: Journal, site: Site) -> None:
    """A client that brings it to another place must not be told that nothing is there."""
    journal.put("a", "b", "c")
    answer = site.get(cursor="", count=1)
    known = {"If-None-Match": answer.headers["ETag"]}
    pages = [site.page(known, cursor=answer.get_json()["nextCursor"], count=1)]
    assert shown(pages) == ["b"]
    for query in ({"count": "2"}, {"count": "1", "attributes": "cn"}):
        assert site.get(known, cursor="", **query).status_code == 200
    assert site.get({**known, "Accept": NDJSON}, cursor="", count="1").status_code == 200
    assert site.get(known, cursor="", count="1").status_code == 304


def test_polling_at_the_same_place_is_cheap(journal: Journal, site: Site) -> None:
    """Also when the client takes the new token of every empty page."""
    journal.put("a")
    answer = site.get(deltaToken=site.full())
    known = {"If-None-Match": answer.headers["ETag"]}
    fresh = token_of([answer.get_json()])
    assert site.get(known, deltaToken=fresh).status_code == 304
    journal.put("b")
    assert shown([site.page(known, deltaToken=fresh)]) == ["b"]


def test_an_old_token_is_replaced_though_nothing_changed(
    journal: Journal, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that only ever hears 304 would keep it until it expires."""
    token = site.full()
    known = {"If-None-Match": site.get(deltaToken=token).headers["ETag"]}
    assert site.get(known, deltaToken=token).status_code == 304
    later = now() + 16 * MICROS_OF_DAY
    monkeypatch.setattr("flask_gluu_changes.journal.tokens.time_ns", lambda: later * 1000)
    answer = site.get(known, deltaToken=token)
    assert answer.status_code == 200
    assert answer.get_json()["nextDeltaToken"]["value"] != token


def test_the_time_stamp_form_has_no_tag(journal: Journal, site: Site) -> None:
    """It is what it is at Gluu."""
    answer = site.get(timeStamp="2020-01-01T00:00:00Z", pagesize="1")
    assert not {"ETag", "Vary", "Preference-Applied"} & set(answer.headers.keys())


def test_a_head_request_tells_the_tag(journal: Journal, site: Site) -> None:
    """Without the page."""
    answer = site.app.test_client().head(OPERATION, query_string={"cursor": ""})
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["ETag"] == site.get(cursor="").headers["ETag"]
