"""A demo with people of its own, and a real Chromium that must not leave the machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from flask_gluu_changes.timestamps import to_instant
from tests.support.programs import demo as demo
from tests.support.programs import people_file as people_file

FLAGS = [
    "--no-sandbox",  # for root, as whom continuous integration often runs; all pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

OpenPage: TypeAlias = Callable[..., Page]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    path = shutil.which("chromium")
    assert path, "Chromium is missing; make test installs it on Debian and Ubuntu"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What browsers complain of; a test that provokes some clears the list."""
    return []


@pytest.fixture
def open_page(chromium: Browser, complaints: list[str]) -> Iterator[OpenPage]:
    """Open pages in fresh browsers; in the end all they asked for came from the loopback."""
    requested: list[str] = []
    contexts = []

    def open_in_new_browser(url: str, **options: object) -> Page:
        context = chromium.new_context(locale="en-GB", **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.on("request", lambda request: requested.append(request.url))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", lambda said: complaints.append(said.text))
        page = context.new_page()
        page.goto(url)
        return page

    yield open_in_new_browser
    for context in contexts:
        context.close()
    hosts = {urlsplit(url).hostname for url in requested if not url.startswith("data:")}
    assert hosts == {"127.0.0.1"}
    assert complaints == []


def now() -> str:
    """Give the time, to the millisecond, as a request may carry it."""
    moment = datetime.now(UTC)
    return to_instant(moment.replace(microsecond=moment.microsecond // 1000 * 1000))
