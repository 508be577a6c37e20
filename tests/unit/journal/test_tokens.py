"""A token says what it said when it was issued, or it says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import base64_encode

from flask_gluu_changes.journal.protocol import Position, ResyncRequired
from flask_gluu_changes.journal.tokens import MAX_LENGTH, InvalidToken, Kind, Token, TokenCodec

CODEC = TokenCodec(["a secret"])
PLACE = Position("0123456789abcdef", 7, 9, "0123456789ab", removals=True)
TOKEN = Token(PLACE, b"view....", b"shown...", 1_700_000_000_000_000)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

numbers = st.integers(0, 2**63 - 1)
names = st.text("0123456789abcdef", max_size=32)
places = st.builds(Position, names, numbers, numbers, names, st.booleans())
octets = st.binary(min_size=8, max_size=8)
tokens = st.builds(Token, places, octets, octets, numbers)


@settings(deadline=None)
@given(tokens)
def test_a_token_comes_back_as_it_was(token: Token) -> None:
    """Whatever it holds, and in letters that need no escaping in a URL."""
    text = CODEC.encode(token)
    assert set(text) <= set(ALPHABET)
    assert len(text) <= MAX_LENGTH
    assert CODEC.decode(text, token.kind) == token


def test_the_end_of_a_run_is_a_delta_token() -> None:
    """Any place before it is a cursor."""
    assert TOKEN.kind is Kind.CURSOR
    assert replace(TOKEN, position=replace(PLACE, after=9)).kind is Kind.DELTA


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(ALPHABET))
def test_no_letter_can_be_changed(at: int, letter: str) -> None:
    """Neither in the numbers nor in the names nor in the signature."""
    text = CODEC.encode(TOKEN)
    at %= len(text)
    changed = text[:at] + letter + text[at + 1 :]
    if changed != text:
        # its first letters name its form and its key, and one of an unknown key is read anew
        with pytest.raises((InvalidToken, ResyncRequired)):
            CODEC.decode(changed, Kind.CURSOR)


@pytest.mark.parametrize("more", ["", "=", "!", "\n", "."])
def test_a_signature_is_written_in_one_way_only(more: str) -> None:
    """Decoders of base64 pass over the last letter's spare bits, and over foreign letters."""
    text = CODEC.encode(TOKEN)
    others = {text[:-1] + letter + more for letter in ALPHABET} - {text}
    for other in others:
        with pytest.raises(InvalidToken):
            CODEC.decode(other, Kind.CURSOR)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=MAX_LENGTH + 5), st.binary(max_size=MAX_LENGTH).map(repr)))
def test_any_other_text_is_no_token(text: str) -> None:
    """And raises nothing but what it should."""
    with pytest.raises(InvalidToken):
        CODEC.decode(text, Kind.DELTA)


def test_who_has_a_token_of_an_unknown_secret_reads_anew() -> None:
    """The secret was replaced, or the token comes from another installation."""
    with pytest.raises(ResyncRequired, match="no longer in use"):
        CODEC.decode(TokenCodec(["another"]).encode(TOKEN), Kind.CURSOR)


def test_a_token_that_names_a_key_without_its_signature_is_refused() -> None:
    """The name of a key is no proof."""
    head, _, _ = CODEC.encode(TOKEN).partition(".")
    _, _, signature = TokenCodec(["another"]).encode(TOKEN).partition(".")
    with pytest.raises(InvalidToken, match="not issued here"):
        CODEC.decode(f"{head}.{signature}", Kind.CURSOR)


def test_of_several_secrets_the_first_signs_and_all_verify() -> None:
    """So that a secret can be replaced while clients keep their tokens."""
    rotated = TokenCodec(["new", "a secret", "older"])
    for old in ("a secret", "older"):
        read = rotated.decode(TokenCodec([old]).encode(TOKEN), Kind.CURSOR)
        assert read == TOKEN
        assert not read.is_of_first_key
    assert rotated.encode(TOKEN) == TokenCodec(["new"]).encode(TOKEN)
    assert rotated.decode(rotated.encode(TOKEN), Kind.CURSOR).is_of_first_key


def test_a_token_of_the_other_kind_is_refused() -> None:
    """A cursor is no place to come back to tomorrow."""
    with pytest.raises(InvalidToken, match="other kind"):
        CODEC.decode(CODEC.encode(TOKEN), Kind.DELTA)


def test_who_has_a_token_of_another_form_reads_anew() -> None:
    """Another release wrote it, and may have signed something else."""
    text = (base64_encode(b"\x01" + bytes(60)) + b".signature").decode()
    with pytest.raises(ResyncRequired, match="another release"):
        CODEC.decode(text, Kind.CURSOR)
