"""The interactive documentation, served from here."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.support.programs import Demo


def test_the_operation_is_shown_and_can_be_tried_out(demo: Demo, open_page: OpenPage) -> None:
    """A request that is filled in there is answered there."""
    page = open_page(f"{demo.url}/docs")
    expect(page.locator(".opblock")).to_have_count(1)
    expect(page.locator(".opblock")).to_contain_text("/UpdatedUsers")
    page.get_by_role("button", name="Try it out").click()
    page.get_by_placeholder("timeStamp").fill("2019-12-25T01:27:29.934Z")
    page.get_by_placeholder("pagesize").fill("3")
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_have_text("200")
    expect(answer.locator(".response-col_description").last).to_contain_text('"total": 3')
