"""Tokens that were issued hold as long as they should, and no others do."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from itsdangerous import base64_decode, base64_encode

from flask_gluu_changes.journal.protocol import Position, ResyncRequired
from flask_gluu_changes.journal.selection import Selection
from flask_gluu_changes.journal.tokens import (
    InvalidToken,
    Kind,
    SelectionChanged,
    Token,
    TokenCodec,
    TokenIssuer,
)
from flask_gluu_changes.settings.journal import JournalSettings
from flask_gluu_changes.visibility import Visibility

DAY = 86_400 * 10**6
NOW = 1_700_000_000_000_000
END = Position("0123456789abcdef", 9, 9, "0123456789ab", removals=True)
MIDDLE = replace(END, after=7)
ALL = Selection.of((), ())
CODEC = TokenCodec(["a secret"])
TOKEN = Token(MIDDLE, b"view....", b"shown...", NOW)
TEXT = (
    "A6ptLHYBAAAAAAAAAAcAAAAAAAAACQAGCiQYHkAAdmlldy4uLi5zaG93bi4uLjAxMjM0NTY3ODlhYmNkZWYgMDEyMzQ1Nj"
    "c4OWFi.3e8c1neyLBn1EqfF5rJpzpUCaclubuTEt5PSC86qM1Q"
)

END_TEXT = (
    "A6ptLHYBAAAAAAAAAAkAAAAAAAAACQAGCiQYHkAAdmlldy4uLi5zaG93bi4uLjAxMjM0NTY3ODlhYmNkZWYgMDEyMzQ1Nj"
    "c4OWFi.CCbxNnNnp2Qm8PnBDbglVJP_R9yEsgtHyDdcVVLfQ94"
)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _issuer(clock: Clock, visibility: Visibility | None = None, **settings: Any) -> TokenIssuer:
    chosen = JournalSettings(**{"token_secret": ("s",), "retention_days": 2, **settings})
    return TokenIssuer(chosen, visibility or Visibility.of(), clock)


def test_a_token_of_an_earlier_process_is_read() -> None:
    """The form stays what it is: clients keep tokens for weeks."""
    assert CODEC.encode(TOKEN) == TEXT
    assert TokenCodec(["a secret"]).decode(TEXT, Kind.CURSOR) == TOKEN
    end = replace(TOKEN, position=END)
    assert CODEC.encode(end) == END_TEXT
    assert TokenCodec(["a secret"]).decode(END_TEXT, Kind.DELTA) == end


def _signed(body: bytes) -> str:
    (signer,) = CODEC._signers.values()
    return signer.sign(base64_encode(body)).decode()


def _body(text: str) -> bytes:
    return base64_decode(text.partition(".")[0])


def _refusal(text: str, kind: Kind = Kind.CURSOR) -> str:
    with pytest.raises((InvalidToken, ResyncRequired)) as caught:
        CODEC.decode(text, kind)
    return f"{'' if caught.type is InvalidToken else 'anew: '}{caught.value}"


def test_a_head_alone_is_read() -> None:
    """Its names are empty then; what is shorter is no token."""
    body = _body(TEXT)[:46]
    token = CODEC.decode(_signed(body), Kind.CURSOR)
    assert (token.position.epoch, token.position.commit_id, token.issued) == ("", "", NOW)
    assert _refusal(_signed(body[:-5])) == "it is no token"
    assert _refusal(_signed(b"")) == "it is no token"


@pytest.mark.parametrize("form", [0, 1, 2, 255])
def test_a_token_of_another_form_is_of_another_release(form: int) -> None:
    """Although its signature holds; its client reads anew."""
    text = _signed(bytes([form]) + _body(TEXT)[1:])
    assert _refusal(text) == "anew: the token is of another release"


def test_why_a_text_is_no_token() -> None:
    """In words that help whoever wrote it."""
    unknown = "anew: the token was signed with a secret that is no longer in use"
    assert _refusal("é" + TEXT[1:]) == "it is no token"
    assert _refusal("A" * 401) == "it is no token"
    assert _refusal("A" * 400) == "it is no token"
    assert _refusal("AAAA.AAAA") == "it is no token"
    assert _refusal(TEXT + "=") == "it is not written as it was issued"
    assert _refusal(TEXT[:-1] + "R") == "it is not written as it was issued"
    assert _refusal(TEXT[:-1] + "U") == "it was not issued here"
    assert _refusal(TokenCodec(["another"]).encode(TOKEN)) == unknown
    assert _refusal(TEXT, Kind.DELTA) == "it is of the other kind"
    assert _refusal("") == "it is no token"


def test_a_token_of_an_older_secret_is_replaced(clock: Clock) -> None:
    """Else its client would come with it until the secret is gone."""
    before = _issuer(clock, token_secret=("old",))
    text, _ = before.issue(END, ALL)
    after = _issuer(clock, token_secret=("new", "old"))
    token = after.verify(text, Kind.DELTA, ALL)
    assert not after.is_young(token)
    replaced, _ = after.issue(END, ALL, token)
    assert replaced == _issuer(clock, token_secret=("new",)).issue(END, ALL)[0]


def test_a_token_is_made_and_read_once_for_the_same_question() -> None:
    """Clients ask again with the token that they have."""
    codec = TokenCodec(["x"])
    assert codec.encode(TOKEN) is codec.encode(replace(TOKEN))
    text = codec.encode(TOKEN)
    assert codec.decode(text, Kind.CURSOR) is codec.decode(text, Kind.CURSOR)


def test_the_last_256_tokens_are_remembered() -> None:
    """More would be kept for nobody."""
    codec = TokenCodec(["x"])
    texts = [codec.encode(replace(TOKEN, issued=number)) for number in range(257)]
    assert codec.encode(replace(TOKEN, issued=1)) is texts[1]
    assert codec.encode(replace(TOKEN, issued=0)) is not texts[0]
    first = codec.decode(texts[0], Kind.CURSOR)
    for text in texts[1:]:
        codec.decode(text, Kind.CURSOR)
    assert codec.decode(texts[0], Kind.CURSOR) is not first


def test_an_issued_token_is_verified(clock: Clock) -> None:
    """It says where its client goes on, and what it asked for."""
    issuer = _issuer(clock)
    for position, kind in ((END, Kind.DELTA), (MIDDLE, Kind.CURSOR)):
        text, until = issuer.issue(position, ALL)
        token = issuer.verify(text, kind, ALL)
        assert (token.position, token.issued, token.selection_digest) == (position, NOW, ALL.digest)
        assert until == NOW + 2 * DAY


def test_other_attributes_than_before_are_refused(clock: Clock) -> None:
    """A replica would hold one half of each."""
    issuer = _issuer(clock)
    text, _ = issuer.issue(END, Selection.of(("cn",), ()))
    issuer.verify(text, Kind.DELTA, Selection.of(("CN",), ()))
    for selection in (ALL, Selection.of(("sn",), ()), Selection.of((), ("cn",))):
        with pytest.raises(SelectionChanged) as caught:
            issuer.verify(text, Kind.DELTA, selection)
        assert str(caught.value) == "attributes and excludedAttributes must stay as they were"


@pytest.mark.parametrize("other", [Visibility.of(["cn"]), Visibility.of(denied=["cn"])])
def test_a_token_ends_when_clients_may_see_others(clock: Clock, other: Visibility) -> None:
    """What it has read lacks them, or holds too much."""
    text, _ = _issuer(clock).issue(END, ALL)
    with pytest.raises(ResyncRequired) as caught:
        _issuer(clock, other).verify(text, Kind.DELTA, ALL)
    assert str(caught.value) == "clients may see other attributes now"


def test_a_token_expires_behind_its_last_microsecond(clock: Clock) -> None:
    """Removals are remembered for as long."""
    issuer = _issuer(clock)
    text, until = issuer.issue(END, ALL)
    clock.now = until
    issuer.verify(text, Kind.DELTA, ALL)
    clock.now += 1
    with pytest.raises(ResyncRequired) as caught:
        issuer.verify(text, Kind.DELTA, ALL)
    assert str(caught.value) == "the token has expired"


def test_a_young_token_stays_the_same_where_nothing_changed(clock: Clock) -> None:
    """Its client has nothing to save then; half of its life is young."""
    issuer = _issuer(clock)
    text, until = issuer.issue(END, ALL)
    before = issuer.verify(text, Kind.DELTA, ALL)
    clock.now += DAY - 1
    assert issuer.is_young(before)
    assert issuer.issue(END, ALL, before) == (text, until)
    clock.now += 1
    assert not issuer.is_young(before)
    fresh, later = issuer.issue(END, ALL, before)
    assert (later, fresh == text) == (until + DAY, False)
    assert issuer.verify(fresh, Kind.DELTA, ALL).issued == clock.now


def test_a_token_of_another_position_is_a_fresh_one(clock: Clock) -> None:
    """Its life begins now."""
    issuer = _issuer(clock)
    text, until = issuer.issue(MIDDLE, ALL)
    before = issuer.verify(text, Kind.CURSOR, ALL)
    clock.now += 1
    assert issuer.issue(END, ALL, before)[1] == until + 1
    assert issuer.issue(END, ALL)[1] == until + 1


def test_the_clock_is_the_systems_in_microseconds() -> None:
    """Unless another one is given."""
    issuer = TokenIssuer(JournalSettings(token_secret=("s",), retention_days=1), Visibility.of())
    before = time.time_ns() // 1000
    _, until = issuer.issue(END, ALL)
    assert before <= until - DAY <= time.time_ns() // 1000


def test_an_entity_tag_names_epoch_head_and_all_that_makes_the_answer(clock: Clock) -> None:
    """The same on each node, and readable where that helps operators."""
    issuer = _issuer(clock)
    tag = issuer.tag(MIDDLE, 3, Selection.of(("cn",), ()), "100")
    assert tag == "0123456789abcdef.9.380c0e0e7e13100b"
    assert tag == _issuer(clock, token_secret=("t",)).tag(
        MIDDLE, 3, Selection.of(("cn",), ()), "100"
    )


def test_whatever_changes_an_answer_changes_its_tag(clock: Clock) -> None:
    """Position, selection, form, and what clients may see."""
    issuer, other = _issuer(clock), _issuer(clock, Visibility.of(["cn"]))
    tags = [
        issuer.tag(END, 3, ALL, "100"),
        issuer.tag(END, 4, ALL, "100"),
        issuer.tag(END, 3, ALL, "101"),
        issuer.tag(END, 3, Selection.of(("cn",), ()), "100"),
        issuer.tag(replace(END, commit_id="another"), 3, ALL, "100"),
        issuer.tag(replace(END, epoch="another"), 3, ALL, "100"),
        issuer.tag(replace(END, until=10), 3, ALL, "100"),
        other.tag(END, 3, ALL, "100"),
    ]
    assert len(set(tags)) == len(tags)
