"""Full runs and deltas by token, as a client walks them."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from flask_gluu_changes import ConfigurationError, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.journal.tables import now
from flask_gluu_changes.journal.view import source_under
from flask_gluu_changes.journal.writer import DELETED, EXACT, OUT_OF_SCOPE, SECOND, WriteBatch
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.timestamps import to_micros
from tests.support.apps import OPERATION, make_app
from tests.support.journal_site import Site, gone, shown, token_of
from tests.support.journals import Journal

SAME = ("total", "results", "removed", "itemsPerPage")
"""Members of a page that are the same whenever it is asked for: tokens are not."""

TIMES = {"updatedAt": "20240501120000.500Z"}


def test_a_page_holds_what_the_protocol_names(journal: Journal, site: Site) -> None:
    """Key by key and in order; the last page has a delta token, the others a cursor."""
    journal.put("a", "b", **TIMES)
    first = site.page(cursor="", count=1)
    token = first.pop("nextCursor")
    entry = {"inum": ["a"], "uid": ["a"], "updatedAt": ["2024-05-01T12:00:00.500Z"]}
    assert first == {
        "total": 1,
        "latestUpdateAt": "2024-05-01T12:00:00.500Z",
        "results": [{"@changeType": "created", "@id": "a", "@version": journal.version, **entry}],
        "removed": [],
        "itemsPerPage": 1,
    }
    last = site.page(cursor=token, count=1)
    assert last.keys() == {*first, "nextDeltaToken"}
    assert last["nextDeltaToken"].keys() == {"value", "expiry"}


@pytest.mark.parametrize("form", ["application/json", "application/x-ndjson"])
def test_the_latest_change_does_not_lie_in_the_future(
    journal: Journal, site: Site, form: str
) -> None:
    """Whoever wrote the year 2099 is shown, but nothing is later than now and the lag."""
    journal.put("a", updatedAt="20990101000000Z")
    answer = site.get({"Accept": form}, cursor="").text
    assert "2099-01-01T00:00:00Z" in answer
    latest = datetime.fromisoformat(re.findall('"latestUpdateAt":"(.+?)"', answer)[0])
    assert to_micros(latest) <= now() + 60 * SECOND


def test_a_delta_tells_changes_and_removals(journal: Journal, site: Site) -> None:
    """With their reasons; versions go on, also when somebody comes back."""
    journal.put("a", "b", "c")
    token = site.full()
    journal.remove("a", reason=DELETED)
    version = journal.version
    journal.remove("b", reason=OUT_OF_SCOPE)
    journal.put("c", mail="new")
    pages = site.run(deltaToken=token)
    assert (shown(pages), gone(pages)) == (["c"], [("a", "deleted"), ("b", "outOfScope")])
    removed = {"@id": "a", "@version": version, "inum": "a", "uid": "a", "reason": "deleted"}
    assert pages[0]["removed"][0] == removed
    assert (pages[0]["total"], pages[0]["itemsPerPage"]) == (1, 3)
    journal.put("a")
    (back,) = site.page(deltaToken=token_of(pages))["results"]
    assert (back["@version"], back["@changeType"]) == (journal.version, "created")
    assert journal.version > version


def test_nothing_new_is_an_empty_last_page(journal: Journal, site: Site) -> None:
    """Without a time, since there is none; its token leads on from the same place."""
    journal.put("a")
    page = site.page(deltaToken=site.full())
    assert (page["total"], page["results"], page["removed"]) == (0, [], [])
    assert "latestUpdateAt" not in page
    journal.put("b")
    assert shown(site.run(deltaToken=token_of([page]))) == ["b"]


def test_a_client_may_begin_from_now_on(journal: Journal, site: Site) -> None:
    """Without reading what is there."""
    journal.put("a")
    page = site.page(deltaToken="latest")
    journal.put("b")
    assert page["results"] == []
    assert shown(site.run(deltaToken=token_of([page]))) == ["b"]


def test_a_token_can_be_used_again(journal: Journal, site: Site) -> None:
    """After a crash the client asks once more and gets the same, at least."""
    journal.put("a", "b")
    token = site.full()
    journal.put("b", mail="new")
    journal.put("c")
    assert shown(site.run(deltaToken=token, count=1)) == ["b", "c"]
    assert shown(site.run(deltaToken=token, count=7)) == ["b", "c"]


@pytest.mark.parametrize("count", [1, 2, 3, 200])
def test_the_size_of_pages_changes_nothing(journal: Journal, site: Site, count: int) -> None:
    """Neither in a full run nor in a delta; also when it changes on the way."""
    journal.put(*"abcdef")
    journal.remove("b")
    pages = site.run(cursor="", count=count)
    assert sorted(shown(pages)) == list("acdef")
    assert gone(pages) == []
    page = site.page(cursor="", count=1)
    assert len(shown(site.run(cursor=page["nextCursor"], count=count))) == 4


def test_people_without_times_are_told(journal: Journal, site: Site) -> None:
    """The timeStamp form cannot find them."""
    journal.put("a")
    assert site.page(timeStamp="1970-01-01T00:00:00Z", pagesize=5)["results"] == []
    assert shown(site.run(cursor="")) == ["a"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"attributes": "MAIL,cn"}, {"inum", "mail", "cn;lang-de"}),
        ({"attributes": "nosuch"}, {"inum"}),
        ({"excludedAttributes": "mail, UID ,inum"}, {"inum", "cn;lang-de"}),
    ],
)
def test_attributes_are_selected_as_in_scim(
    journal: Journal, site: Site, query: dict[str, str], names: set[str]
) -> None:
    """By base name, ignoring case; inum and the `@` names always come."""
    journal.put("a", mail="a@example.org", **{"cn;lang-de": "A"})
    (entry,) = site.page(cursor="", **query)["results"]
    assert entry.keys() == names | {"@id", "@version", "@changeType"}


def test_the_status_says_how_the_changes_are_followed(journal: Journal, site: Site) -> None:
    """For operators and their alarms."""
    journal.put("a")
    status = site.app.test_client().get(f"{OPERATION}/status").get_json()
    state = journal.writer.state()
    assert status.pop("confirmedAt").startswith("20")
    assert status == {
        "level": "exact",
        "why": "a test writes it",
        "epoch": state.epoch,
        "head": 1,
        "built": True,
        "quarantined": 0,
        "heldRemovals": 0,
    }


def test_other_backends_have_neither_tokens_nor_status() -> None:
    """Their parameters are unknown there, and are ignored."""
    client = make_app("bare", MemoryBackend()).test_client()
    assert client.get(f"{OPERATION}/status").status_code == 404
    assert client.get(f"{OPERATION}?cursor=").status_code == 400


def test_a_journal_without_a_secret_is_not_served(journal: Journal) -> None:
    """Else anybody could write tokens."""
    app = make_app("bare", MemoryBackend())
    app.config["SECRET_KEY"] = None
    app.extensions.clear()
    with pytest.raises(ConfigurationError, match="GLUU_CHANGES_TOKEN_SECRET"):
        GluuChanges(app, backend=journal.backend)


def test_a_token_stays_where_nothing_changed(journal: Journal, site: Site) -> None:
    """So that a client has nothing to save; its expiry stays with it."""
    journal.put("a")
    token = site.full()
    quiet = site.page(deltaToken=token)
    assert token_of([quiet]) == token
    assert site.page(deltaToken=token) == quiet
    journal.put("b")
    assert token_of([site.page(deltaToken=token)]) != token


def test_versions_do_not_go_back_where_a_removal_was_forgotten(
    journal: Journal, site: Site
) -> None:
    """A client may still have the removal's version, also of one among many others."""
    journal.put("a", "b")
    journal.put("a", mail="new")
    token = site.full()
    journal.remove("a")
    removed = site.page(deltaToken=token)["removed"][0]
    token = site.full()
    journal.writer.prune(now() + 1)
    journal.put("a")
    back = site.page(deltaToken=token)["results"][0]
    assert back["@version"] > removed["@version"]
    assert back["@changeType"] == "created"


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("more", [{}, {"attributes": "uid"}])
@pytest.mark.parametrize("count", [1, 200, 300])
def test_a_large_page_is_sent_in_parts_and_is_the_same(
    count: int,
    more: dict[str, str],
    joined: bool,
    journal: Journal,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Joined, as where the writer's settings are known to be ours, or not; its length is told."""
    if joined:
        source = source_under("test", Settings.load(site.app.config).digest)
        journal.writer.follow(source, EXACT, "a test writes it")
        journal.writer.commit(WriteBatch(built=True))
    journal.put(*(f"{number}" for number in range(310)))
    token = site.run(cursor="", **more)[-1]["nextDeltaToken"]["value"]
    journal.remove("5", "7")
    journal.put(*(f"{number}" for number in range(8, 300)), mail="new")
    for query in ({"cursor": ""}, {"deltaToken": token}):
        whole = site.get(count=count, **query, **more)
        with monkeypatch.context() as patch:
            patch.setattr("flask_gluu_changes.web.delta.LARGE", 10)
            parts = site.get(count=count, **query, **more)
        page, expected = parts.get_json(), whole.get_json()
        assert [page[name] for name in SAME] == [expected[name] for name in SAME]
        assert len(page["results"]) == page["total"]
        assert parts.content_length == len(parts.data)
