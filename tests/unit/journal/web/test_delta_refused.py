"""A token that does not hold is refused, with what to do: it never begins anew silently."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from flask_gluu_changes.journal.tables import now
from flask_gluu_changes.journal.writer import WriteBatch
from flask_gluu_changes.settings.journal import MICROS_OF_DAY
from tests.support.apps import OPERATION
from tests.support.journal_site import NDJSON, Site, shown, token_of
from tests.support.journals import Journal
from tests.support.markers import TOKEN_SECRET


def _error(answer: TestResponse, status: int, scim_type: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.get_json()["scimType"] == scim_type
    return str(answer.get_json()["detail"])


def _gone(answer: TestResponse, site: Site) -> str:
    """Check a 410, and that its Location leads to a full run."""
    detail = _error(answer, 410, "expiredCursor")
    full = site.app.test_client().get(answer.headers["Location"])
    assert full.status_code == 200
    assert answer.headers["Location"].startswith(f"{OPERATION}?cursor=")
    return detail


@pytest.mark.parametrize("name", ["cursor", "deltaToken"])
@pytest.mark.parametrize("text", ["x", "!", "latest ", "AAAA", "é", "A" * 5000])
def test_what_was_not_issued_is_an_invalid_cursor(site: Site, name: str, text: str) -> None:
    """RFC 9865's word for it."""
    _error(site.get(**{name: text}), 400, "invalidCursor")


def test_a_token_of_a_secret_that_is_gone_is_read_anew(journal: Journal, site: Site) -> None:
    """So clients get over a rotation by themselves, and to another installation."""
    token = Site(journal, secret="another").full()
    assert "no longer in use" in _gone(site.get(deltaToken=token), site)


def test_tokens_outlive_a_rotation(journal: Journal, site: Site) -> None:
    """With the old secret among the fallbacks, they are read, and replaced by new ones."""
    token = site.full()
    journal.put("a")
    rotated = Site(journal, secret="another", fallbacks=[TOKEN_SECRET])
    page = rotated.page(deltaToken=token)
    assert [entry["uid"] for entry in page["results"]] == [["a"]]
    assert Site(journal, secret="another").page(deltaToken=token_of([page]))["total"] == 0


def test_cursors_and_delta_tokens_do_not_mix(journal: Journal, site: Site) -> None:
    """Each is for its own parameter, and an empty delta token is none."""
    journal.put("a", "b")
    first = site.page(cursor="", count=1)
    _error(site.get(deltaToken=first["nextCursor"]), 400, "invalidCursor")
    _error(site.get(cursor=site.full()), 400, "invalidCursor")
    _error(site.get(deltaToken=""), 400, "invalidCursor")


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "", "timeStamp": "2020-01-01T00:00:00Z"},
        {"cursor": "", "start": "0"},
        {"deltaToken": "latest", "pagesize": "5"},
        {"deltaToken": "latest", "pageSize": "5"},
        {"cursor": "", "deltaToken": "latest"},
        {"cursor": "", "attributes": "a", "excludedAttributes": "b"},
        {"cursor": "", "count": "0"},
        {"cursor": "", "count": "1001"},
        {"cursor": "", "attributes": "a b"},
        {"cursor": "", "attributes": ""},
    ],
)
def test_parameters_that_do_not_go_together_are_refused(site: Site, query: dict[str, str]) -> None:
    """Two readers could understand them differently."""
    _error(site.get(**query), 400, "invalidValue")


def test_parameters_may_not_change_on_the_way(journal: Journal, site: Site) -> None:
    """A replica would hold one half of each."""
    journal.put("a", "b")
    page = site.page(cursor="", count=1, attributes="mail")
    for query in ({}, {"attributes": "cn"}, {"excludedAttributes": "mail"}):
        detail = _error(site.get(cursor=page["nextCursor"], **query), 400, "invalidValue")
        assert "changed on the way" in detail
    assert shown([site.page(cursor=page["nextCursor"], attributes="MAIL")]) == ["b"]


def test_an_expired_token_is_gone(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the retention that the settings name."""
    site = Site(journal, retention_days=2)
    token = site.full()
    later = now() + 2 * MICROS_OF_DAY + 60_000_000
    monkeypatch.setattr("flask_gluu_changes.journal.tokens.time_ns", lambda: later * 1000)
    assert "expired" in _gone(site.get(deltaToken=token), site)


def test_a_token_from_before_forgotten_removals_is_gone(journal: Journal, site: Site) -> None:
    """What it did not see cannot be told any more."""
    journal.put("a", "b")
    token = site.full()
    journal.remove("a")
    journal.writer.prune(now() + 1)
    assert "forgotten" in _gone(site.get(deltaToken=token), site)


def test_a_token_of_another_epoch_is_gone(journal: Journal, site: Site) -> None:
    """A cursor as well as a delta token, in a stream as well as on a page."""
    journal.put("a", "b")
    cursor, token = site.page(cursor="", count=1)["nextCursor"], site.full()
    journal.writer.begin_epoch()
    assert site.get(deltaToken=token).status_code == 503
    journal.writer.commit(WriteBatch(built=True))
    for query in ({"cursor": cursor}, {"deltaToken": token}):
        assert "epoch" in _gone(site.get(**query), site)
        assert "epoch" in _gone(site.get({"Accept": NDJSON}, **query), site)
        assert "epoch" in _gone(site.get({"Prefer": "wait=20"}, deltaToken=token), site)


def test_other_visible_attributes_end_all_tokens(journal: Journal, site: Site) -> None:
    """The client did nothing wrong; it must read everybody anew to see them."""
    token = site.full()
    stricter = Site(journal, denied_attributes="mail")
    assert "other attributes" in _gone(stricter.get(deltaToken=token), stricter)


def test_the_full_run_keeps_the_parameters(journal: Journal, site: Site) -> None:
    """As they were asked for."""
    journal.put("a", mail="a@example.org")
    token = site.full(attributes="mail", count=7)
    journal.writer.begin_epoch()
    journal.writer.commit(WriteBatch(built=True))
    location = site.get(deltaToken=token, attributes="mail", count=7).headers["Location"]
    assert location == f"{OPERATION}?cursor=&count=7&attributes=mail"


def test_without_a_built_journal_all_is_503(journal: Journal, site: Site) -> None:
    """The timeStamp form too: a part of the people is not all of them."""
    token = token_of([site.page(deltaToken="latest")])
    journal.writer.begin_epoch()
    queries: list[dict[str, Any]] = [
        {"cursor": ""},
        {"deltaToken": token},
        {"deltaToken": "latest"},
        {"timeStamp": "2020-01-01T00:00:00Z", "pagesize": 5},
    ]
    for query in queries:
        answer = site.get(**query)
        assert answer.status_code == 503
        assert "being built" in answer.get_json()["detail"]
        assert answer.headers["Retry-After"]
