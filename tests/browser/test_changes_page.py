"""The changes page follows the operation as a client does, and says what it knows."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage, now
from tests.browser.test_people_in_the_browser import OPERATION, changes
from tests.support.programs import Demo, printed_until, running, token_as_printed
from tests.support.slapd import free_port


def give_token(page: Page, token: str) -> None:
    """Type a token into the form that asks for one, and send it."""
    page.get_by_label("The operation asks for an access token").fill(token)
    page.get_by_role("button", name="Use it").click()


def test_a_time_is_chosen(demo: Demo, open_page: OpenPage) -> None:
    """By the form, in UTC; all that the operation says since then is listed, the last one first."""
    count = len(changes(demo, "2020-04-20T12:00:00Z"))
    page = open_page(f"{demo.url}/changes", timezone_id="Asia/Tokyo")
    page.get_by_label("Since (UTC)").fill("2020-04-20T12:00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#summary")).to_have_text(f"{count} people were added or changed.")
    expect(
        page.get_by_text(re.compile(r"As of 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC"))
    ).to_be_visible()
    times = page.locator("tbody time").all_inner_texts()
    assert len(times) == count > 0
    assert times == sorted(times, reverse=True)
    assert times[-1] >= "2020-04-20 12:00:00"


def test_a_time_that_cannot_be_used(demo: Demo, open_page: OpenPage) -> None:
    """It is told at its field, and another time is taken."""
    page = open_page(f"{demo.url}/changes?since=2023-02-30T00:00:00Z")
    field = page.get_by_label("Since (UTC)")
    expect(field).to_have_accessible_description(re.compile("This time cannot be used"))
    expect(page.get_by_text("Nobody was added or changed since then.")).to_be_visible()


def test_more_people_than_a_page(demo: Demo, open_page: OpenPage) -> None:
    """All pages are walked; the youngest of a long list are shown."""
    page = open_page(f"{demo.url}/changes?since=1970-01-01T00:00:00Z")
    told = "1,000 people were added or changed. The last 200 are shown."
    expect(page.locator("#summary")).to_have_text(told)
    expect(page.locator("tbody tr")).to_have_count(200)


def test_it_asks_on_from_the_last_change(demo: Demo, open_page: OpenPage) -> None:
    """After the first walk it asks from `latestUpdateAt`, not from the chosen time again."""
    page = open_page(f"{demo.url}/changes?since=2020-04-20T12:00:00Z")
    with page.expect_request(re.compile("timeStamp=2020-04-23T21%3A34%3A56.938Z")):
        pass


def test_it_can_be_paused(demo: Demo, open_page: OpenPage) -> None:
    """What updates by itself can be stopped, and goes on when asked to (WCAG 2.2.2)."""
    page = open_page("about:blank")
    page.clock.install()
    page.goto(f"{demo.url}/changes?since={now()}")
    expect(page.locator("#as-of")).to_contain_text("As of")
    asked: list[str] = []
    page.get_by_label("Update by itself").uncheck()
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    assert asked == []
    with page.expect_response(re.compile(OPERATION)):
        page.get_by_label("Update by itself").check()


def test_an_outage(demo: Demo, open_page: OpenPage, complaints: list[str]) -> None:
    """While the server is away the page says so, and goes on when it is back."""
    page = open_page(f"{demo.url}/changes?since={now()}")
    expect(page.locator("#as-of")).to_contain_text("As of")
    demo.stop()
    expect(page.get_by_role("alert")).to_have_text(re.compile("The server does not answer"))
    demo.start()
    expect(page.get_by_role("alert")).to_be_hidden()
    complaints.clear()  # Chromium notes the refused connections


def test_a_token_is_asked_for(open_page: OpenPage, complaints: list[str]) -> None:
    """Where the operation is protected, the page shows nobody until it is given a token."""
    with running("--oauth", "--port", str(free_port())) as process:
        printed = printed_until(process, "Ctrl-C")
        (url,) = re.findall(r"pages are at (\S+)/", printed)
        page = open_page(f"{url}/changes?since=1970-01-01T00:00:00Z")
        give_token(page, "wrong")
        expect(page.get_by_role("alert")).to_have_text(re.compile("answered 401"))
        give_token(page, token_as_printed(printed))
        expect(page.locator("#summary")).to_have_text(re.compile("1,000 people"))
        expect(page.get_by_role("alert")).to_be_hidden()
        page.close()  # before the server goes: the page asks it again and again
    complaints.clear()  # Chromium notes the status 401


def test_a_token_is_not_lost(demo: Demo, open_page: OpenPage, complaints: list[str]) -> None:
    """One that is given while the operation is being asked with another is used after that."""
    page = open_page("about:blank")

    def refuse(route: Route) -> None:
        if route.request.headers.get("authorization") == "Bearer first":
            give_token(page, "second")
        route.fulfill(status=401, json={"detail": "no"})

    page.route(re.compile(OPERATION), refuse)
    page.goto(f"{demo.url}/changes")
    with page.expect_request(lambda asked: asked.headers.get("authorization") == "Bearer second"):
        give_token(page, "first")
    expect(page.get_by_role("alert")).to_have_text(re.compile("answered 401"))
    page.goto("about:blank")
    complaints.clear()  # Chromium notes the status 401
