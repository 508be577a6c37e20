"""axe-core finds nothing on any page, in light and in dark colours."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.support.programs import Demo

JANE = "a1b2c3d4-0000-4000-8000-000000000001"
PAGES = {
    "/": "h1",
    "/people/?q=rossi&done=saved": "tbody tr",
    "/people/?q=nobody-at-all": ".empty",
    "/people/new": "form.person",
    f"/people/{JANE}": "form.person",
    f"/people/{JANE}/delete": "form",
    "/changes?since=2020-04-20T12:00:00Z&day=1": "tbody tr",
    "/changes": "#nobody",
    "/docs": ".opblock",
}
"""Each page, and what is there when it is whole."""


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing(demo: Demo, open_page: OpenPage, colours: str) -> None:
    """Of all its rules; Swagger UI itself is in other hands."""
    page = open_page(f"{demo.url}/", color_scheme=colours)
    for path, part in PAGES.items():
        page.goto(f"{demo.url}{path}")
        expect(page.locator(part).first).to_be_visible()
        found = Axe().run(page, context={"exclude": ["#swagger-ui"]})
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"


def test_narrow_screens(demo: Demo, open_page: OpenPage) -> None:
    """On 320 CSS pixels nothing but tables and code scrolls sideways (WCAG 1.4.10)."""
    page = open_page(f"{demo.url}/", viewport={"width": 320, "height": 640})
    for path, part in PAGES.items():
        page.goto(f"{demo.url}{path}")
        expect(page.locator(part).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path
