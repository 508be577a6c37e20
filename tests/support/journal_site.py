"""An application that serves a journal, asked as a client asks."""

from __future__ import annotations

import json
from typing import Any, Protocol, cast

import pytest
import yaml
from flask import Flask
from werkzeug.test import TestResponse

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.journal.backend import JournalBackend

from .apps import OPERATION
from .journals import Journal
from .markers import TOKEN_SECRET

NDJSON = "application/x-ndjson"

Page = dict[str, Any]


class Served(Protocol):
    """What has a backend that can be served."""

    backend: JournalBackend


class Site:
    """Serves a journal; settings are keys of the config without their prefix."""

    def __init__(self, journal: Served, secret: str = TOKEN_SECRET, **settings: object) -> None:
        self.app = Flask("journal")
        self.app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False, SECRET_KEY=secret)
        self.app.config["SECRET_KEY_FALLBACKS"] = settings.pop("fallbacks", None)
        self.app.config["GLUU_CHANGES_PROTECTION"] = "bypass"
        self.app.config["GLUU_CHANGES_SERVER_THREADS"] = 16
        self.app.config.update({f"GLUU_CHANGES_{n.upper()}": v for n, v in settings.items()})
        GluuChanges(self.app, backend=journal.backend)
        self._client = self.app.test_client()

    def get(self, headers: dict[str, str] | None = None, /, **query: Any) -> TestResponse:
        """Ask with these parameters."""
        return self._client.get(OPERATION, query_string=query, headers=headers)

    def page(self, headers: dict[str, str] | None = None, /, **query: Any) -> Page:
        """Give the page of an answer that must be one."""
        answer = self.get(headers, **query)
        assert answer.status_code == 200, answer.text
        return cast(Page, answer.get_json())

    def document(self, url: str) -> Page:
        """Read a document, which is YAML as JSON is."""
        document = yaml.safe_load(self._client.get(url).text)
        assert isinstance(document, dict)
        return document

    def run(self, **query: Any) -> list[Page]:
        """Walk a run to its last page, with the same parameters for each."""
        pages = [self.page(**query)]
        rest = {n: v for n, v in query.items() if n not in ("cursor", "deltaToken")}
        while "nextCursor" in pages[-1]:
            pages.append(self.page(cursor=pages[-1]["nextCursor"], **rest))
        return pages

    def full(self, **query: Any) -> str:
        """Walk everything; give the delta token."""
        return token_of(self.run(cursor="", **query))

    def lines(self, **query: Any) -> list[Page]:
        """Give the lines of a stream."""
        answer = self.get({"Accept": NDJSON}, **query)
        assert (answer.status_code, answer.mimetype) == (200, NDJSON)
        return [json.loads(line) for line in answer.text.splitlines()]


def token_of(pages: list[Page]) -> str:
    """Give the delta token of a run."""
    return str(pages[-1]["nextDeltaToken"]["value"])


def shown(pages: list[Page]) -> list[str]:
    """List the ids of the entries of some pages."""
    return [entry["@id"] for page in pages for entry in page["results"]]


def gone(pages: list[Page]) -> list[tuple[str, str]]:
    """List ids and reasons of the removals of some pages."""
    return [(one["@id"], one["reason"]) for page in pages for one in page["removed"]]


@pytest.fixture
def site(journal: Journal) -> Site:
    """An application that serves the journal."""
    return Site(journal)
