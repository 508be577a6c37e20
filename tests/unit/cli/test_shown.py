"""The doctor tells what clients see, what is hidden from them, and names that mean nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_gluu_changes import BackendUnavailable, ChangesQuery, Entry, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.visibility import AttributeInfo

SECRET = "the value of a secret"
PEOPLE = [
    {"uid": ["ada"], "inum": ["1"], "updatedAt": ["20240101000000Z"], "mail": ["ada@example.org"]},
    {"uid": ["bob"], "inum": ["2"], "userPKCS12": [SECRET], "doorCode": [SECRET]},
]
SCHEMA = {
    **{name: AttributeInfo.named(name) for name in ("uid", "inum", "updatedat", "userpkcs12")},
    **dict.fromkeys(("mail", "rfc822mailbox"), AttributeInfo(frozenset({"mail", "rfc822mailbox"}))),
    "doorcode": AttributeInfo(frozenset({"doorcode"}), is_secret=True),
}


class Described(MemoryBackend):
    """People of a store with a schema."""

    def describe(self, name: str) -> AttributeInfo | None:
        return SCHEMA.get(name)


class Away(MemoryBackend):
    """A store that cannot be asked."""

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        raise BackendUnavailable("the store is away")


def _doctor(backend: MemoryBackend, **settings: Any) -> str:
    app = Flask("doctor")
    app.config.update(GLUU_CHANGES_PROTECTION="bypass", TESTING=True)
    app.config.update({f"GLUU_CHANGES_{name}": value for name, value in settings.items()})
    GluuChanges(app, backend=backend)
    return str(app.test_cli_runner().invoke(args=["gluu-changes", "doctor"]).output)


def test_it_lists_what_is_shown_and_what_is_hidden() -> None:
    """By name: no value is told."""
    said = _doctor(Described(PEOPLE), DENIED_ATTRIBUTES="rfc822Mailbox")
    assert "clients see: inum, uid, updatedAt (people looked at: 2)\n" in said
    assert "hidden from clients: doorCode, mail, userPKCS12 (people looked at: 2)\n" in said
    assert "warnings: 0" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "setting", ["ALLOWED_ATTRIBUTES", "DENIED_ATTRIBUTES", "SHOWN_SECRETS", "ATTRIBUTE_TYPES"]
)
def test_it_names_what_the_store_does_not_have(setting: str) -> None:
    """Whoever misspells a name hides nothing by it."""
    chosen = {"telefon;x": "string", "MAIL;lang-de": "string"}
    said = _doctor(Described(PEOPLE), **{setting: chosen if "TYPES" in setting else [*chosen]})
    assert f"GLUU_CHANGES_{setting} names telefon, which" in said.replace(";x", "")
    assert "names MAIL" not in said


def test_it_warns_of_secrets_that_are_shown() -> None:
    """Whoever set it may have left since."""
    said = _doctor(Described(PEOPLE), SHOWN_SECRETS="doorCode")
    assert "clients may see secrets: doorCode" in said
    assert "clients see: doorCode, inum, mail" in said


def test_an_allowed_secret_needs_its_own_setting() -> None:
    """To allow it is not enough."""
    said = _doctor(Described(PEOPLE), ALLOWED_ATTRIBUTES="uid inum userPKCS12")
    assert "allowed and denied, so not shown: userpkcs12" in said
    assert "a secret needs GLUU_CHANGES_SHOWN_SECRETS, too" in said


def test_a_store_that_is_away_is_told_once() -> None:
    """By the first who asks it."""
    said = _doctor(Away())
    assert said.count("the store is away") == 1
    assert "faults: 1" in said
