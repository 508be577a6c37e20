"""A journal shows a host nothing that its settings deny, whoever filled it, and under what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from flask_gluu_changes import Backend, BackendUnavailable, ChangesQuery, ConfigurationError, Entry
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.ingest.service import ingest_job
from flask_gluu_changes.journal.protocol import Slice
from flask_gluu_changes.journal.view import is_written_as, settings_digest_in, source_under
from flask_gluu_changes.journal.writer import EXACT, WriteBatch
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.testing import LONG_AGO
from tests.support.journal_site import NDJSON, Site
from tests.support.journals import Journal, memory_engine

SINCE = {"timeStamp": "1990-01-01T00:00:00Z", "pagesize": 10}
SECRET = {"mail": "m@example.org", "updatedAt": "20240101000000Z"}


class Wrapper(Backend):
    """A backend of a host's own that passes on what a journal holds."""

    def __init__(self, inner: JournalBackend) -> None:
        self._inner = inner

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        return self._inner.changes(query)

    def encoded(self, query: ChangesQuery) -> Iterator[EncodedEntry] | None:
        return self._inner.encoded(query)


class Heir(JournalBackend):
    """A journal of a host's own."""


@pytest.fixture
def filled() -> Iterator[Journal]:
    """A person with mail, and one that was removed, written under no known settings."""
    journal = Journal(memory_engine())
    journal.put("a", "b", **SECRET)
    journal.remove("b")
    yield journal
    journal.backend.close()


def _of_engine(journal: Journal) -> JournalBackend:
    return JournalBackend(journal.engine)


def _of_config(journal: Journal) -> JournalBackend:
    made = JournalBackend.from_config({"GLUU_CHANGES_JOURNAL_URL": "sqlite://"})
    made._reader = journal.backend._reader
    return made


def _of_heir(journal: Journal) -> JournalBackend:
    return Heir(journal.engine, source=MemoryBackend())


@pytest.mark.parametrize("make", [_of_engine, _of_config, _of_heir])
@pytest.mark.parametrize("denied", ["mail", "MAIL", "uid", "inum", "updatedAt"])
def test_denied_names_are_in_no_body(
    filled: Journal, make: Callable[[Journal], JournalBackend], denied: str
) -> None:
    """Results, removals, streams and pages by offset, however the backend was made."""
    filled.backend = make(filled)
    site = Site(filled, denied_attributes=denied)
    token = site.page(cursor="", count=1)
    for answer in (
        site.get(cursor=""),
        site.get({"Accept": NDJSON}, cursor=""),
        site.get(cursor="", attributes=denied),
        site.get(**SINCE),
        site.get(cursor="", count=1),
    ):
        assert answer.status_code == 200
        assert f'"{denied.lower()}"' not in answer.text.lower()
    assert token["results"][0]["@id"] == "a"


def test_denied_names_are_in_no_removal(filled: Journal) -> None:
    """Not in a page and not in a stream; why somebody is gone is told."""
    site = Site(filled, denied_attributes=["uid", "inum"])
    token = site.full()
    filled.remove("a")
    (gone,) = site.page(deltaToken=token)["removed"]
    assert gone == {"@id": "a", "@version": gone["@version"], "reason": "deleted"}
    line = site.get({"Accept": NDJSON}, deltaToken=token).text.splitlines()[0]
    assert json.loads(line) == {"@changeType": "removed", **gone}


def test_only_allowed_names_are_shown(filled: Journal) -> None:
    """An allowance hides as much as a denial."""
    site = Site(filled, allowed_attributes="uid")
    assert site.get(**SINCE).get_json()["results"] == [{"uid": ["a"]}]
    (entry,) = site.page(cursor="")["results"]
    assert [name for name in entry if not name.startswith("@")] == ["uid"]


def test_a_backend_that_passes_bytes_on_hides_as_well(filled: Journal) -> None:
    """What the feed asks says what must not be shown."""
    query = ChangesQuery(LONG_AGO, excluded=frozenset({"mail"}))
    encoded = Wrapper(filled.backend).encoded(query)
    assert encoded is not None
    ((_, _, body),) = encoded
    assert json.loads(body) == {"inum": ["a"], "uid": ["a"], "updatedAt": ["2024-01-01T00:00:00Z"]}


def _fill(journal: Journal, **settings: object) -> None:
    """Have it filled under settings, as `follow` does."""
    digest = Settings.load({f"GLUU_CHANGES_{n.upper()}": v for n, v in settings.items()}).digest
    journal.writer.follow(source_under("test", digest), EXACT, "")
    journal.writer.commit(WriteBatch(built=True))


@pytest.mark.parametrize(
    "query", [SINCE, {"cursor": ""}, {"deltaToken": "latest"}], ids=["time", "cursor", "latest"]
)
def test_other_settings_are_named_and_answered_503(
    filled: Journal, query: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    """The log says which keys differ, and no value; clients are told to come back."""
    _fill(filled, denied_attributes="street")
    site = Site(filled, denied_attributes="mail", time_attributes="updatedAt")
    answer = site.get(**query)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "GLUU_CHANGES" not in answer.text
    (said,) = {r.getMessage() for r in caplog.records if r.levelname == "ERROR"}
    assert "GLUU_CHANGES_DENIED_ATTRIBUTES, GLUU_CHANGES_TIME_ATTRIBUTES;" in said
    assert "mail" not in said
    assert "street" not in said


def test_a_token_outlives_settings_that_were_a_mistake(filled: Journal) -> None:
    """While they are not the journal's the answer is 503; then the token is as good as before."""
    _fill(filled, denied_attributes="street")
    filled.put("c", "d")
    right, wrong = (Site(filled, denied_attributes=name) for name in ("street", "mail"))
    cursor, token = right.page(cursor="", count=1)["nextCursor"], right.full()
    for query in ({"cursor": cursor}, {"deltaToken": token}):
        assert wrong.get(**query).status_code == 503
        assert right.get(**query).status_code == 200


def test_the_same_settings_are_served_as_they_are(filled: Journal) -> None:
    """To the byte, and for both forms; the order of names in a setting does not count."""
    _fill(filled, denied_attributes=["street", "l"])
    site = Site(filled, denied_attributes="l, Street")
    assert site.page(cursor="")["results"][0]["mail"] == ["m@example.org"]
    assert site.get(**SINCE).get_json()["total"] == 1


def test_what_must_be_cut_is_read_once(filled: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Joined lines cannot be cut, so nobody asks for them again until the journal says so."""
    site, asked = Site(filled), list[str]()
    for name in ("read_slice", "read_joined"):
        read = getattr(filled.backend, name)
        monkeypatch.setattr(filled.backend, name, partial(_noted, asked, name, read))
    assert site.page(cursor="")["total"] == 1
    asked.clear()
    assert site.page(cursor="")["total"] == 1
    assert asked == ["read_slice"]
    _fill(filled)
    assert site.page(cursor="")["total"] == 1
    asked.clear()
    assert site.page(cursor="")["total"] == 1
    assert asked == ["read_joined"]


def _noted(asked: list[str], name: str, read: Callable[..., Slice], *arguments: object) -> Slice:
    asked.append(name)
    return read(*arguments)


def test_settings_are_told_by_the_last_word_of_a_source() -> None:
    """Whatever the source is called, and nothing where they are not noted."""
    assert settings_digest_in(source_under("uuid by ü as it was", "a:1")) == "a:1"
    assert settings_digest_in("test") == ""


def test_what_is_not_known_is_not_as_asked() -> None:
    """It is cut; what is known and other is refused, whatever it looks like."""
    assert is_written_as("a:1", "a:1")
    assert not is_written_as("", "a:1")
    assert not is_written_as("a:1", "")
    assert not is_written_as("", "")
    with pytest.raises(BackendUnavailable, match="GLUU_CHANGES_A; give"):
        is_written_as("a:1,b:1", "a:2,b:1")
    with pytest.raises(BackendUnavailable, match="another version"):
        is_written_as("0123", "4567")


def test_what_is_hidden_never_reaches_the_journal() -> None:
    """Not even the names of those who may be removed later."""
    job = ingest_job({"GLUU_CHANGES_DENIED_ATTRIBUTES": "uid,inum"}, MemoryBackend())
    identity = job.encoder.encode("1", {"uid": ["ann"], "inum": ["1"], "cn": ["A"]})
    assert (identity.uid, identity.inum, identity.body) == ("", "", b'{"cn":["A"]}')


@pytest.mark.parametrize(
    "url", ["", "nonsense", "nosuch://x", "sqlite+nosuch:///x", "mysql://h:x/"]
)
def test_a_journal_by_a_wrong_url_is_one_sentence(url: str) -> None:
    """Also where it is no setting that names it."""
    with pytest.raises(ConfigurationError, match="GLUU_CHANGES_JOURNAL_URL"):
        JournalBackend(url)


def test_a_driver_that_is_missing_is_named() -> None:
    """With what installs it."""
    with pytest.raises(ConfigurationError, match=r"`pip install oracledb`|cx_Oracle"):
        JournalBackend("oracle+oracledb://h/x")
