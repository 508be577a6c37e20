"""The answer that Gluu's documentation shows (user-management/idm-sync) is the answer given here.

The sample has the documentation's attributes and typed values, and names of its own. It differs in
two ways: keys are sorted throughout, as Gluu's code does, and (decided here) a person who was
created and never updated raises `latestUpdateAt` as well.
"""

from __future__ import annotations

import json

from flask import Flask
from werkzeug.test import TestResponse

from flask_gluu_changes import AttributeType, Entry, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support.paths import SAMPLES

SAMPLE = SAMPLES / "updated-users-documentation.json"
REQUEST = (
    "/identity/restv1/scim/UpdatedUsers?timeStamp=2019-12-24T12:00:03-05:00&start=0&pagesize=100"
)
INES: Entry = {
    "objectClass": [b"top", b"gluuPerson", b"gluuCustomPerson"],
    "uid": [b"ines"],
    "inum": [b"5f2c-0001"],
    "cn": [b"Ines Okafor"],
    "sn": [b"Okafor"],
    "givenName": [b"Ines"],
    "displayName": [b"Ines"],
    "mail": [b"ines@work.example", b"ines@home.example"],
    "mobile": [b"+15550100200"],
    "gluuStatus": [b"active"],
    "gluuSLAManager": [b"TRUE"],
    "myIntegerCustomAttribute": [b"123"],
    "userPassword": [b"{SSHA}secret"],
    "oxOTPCache": [b"secret"],
    "updatedAt": [b"20191225012729.934Z"],
}
NEWCOMER: Entry = {
    "uid": [b"newcomer"],
    "inum": [b"5f2c-0002"],
    "oxCreationTimestamp": [b"20191225180000.123Z"],
}
EARLIER: Entry = {"uid": [b"a"], "inum": [b"5f2c-0003"], "updatedAt": [b"20191224170002.999Z"]}


def _answer() -> TestResponse:
    app = Flask(__name__)
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    types = {"myIntegerCustomAttribute": AttributeType.NUMERIC}
    GluuChanges(app, backend=MemoryBackend([NEWCOMER, EARLIER, INES], types=types))
    return app.test_client().get(REQUEST)


def test_the_documented_request_gets_the_documented_answer() -> None:
    """Key by key and in order, value by value and type by type."""
    answer = _answer()
    assert answer.status_code == 200
    assert answer.content_type == "application/json; charset=utf-8"
    shown, sample = (
        json.loads(text, object_pairs_hook=list) for text in (answer.text, SAMPLE.read_text())
    )
    assert repr(shown) == repr(sample)


def test_the_time_to_go_on_from_is_the_newcomers() -> None:
    """Who was only created has no updatedAt; a client moves on behind them nevertheless."""
    page = _answer().get_json()
    assert page["latestUpdateAt"] == page["results"][1]["oxCreationTimestamp"][0]
    assert "updatedAt" not in page["results"][1]
