"""People are added, edited and deleted by hand, and the operation says so."""

from __future__ import annotations

from typing import Any

import requests
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, now
from tests.support.programs import Demo

OPERATION = "/identity/restv1/scim/UpdatedUsers"


def changes(demo: Demo, since: str, start: int = 0) -> list[dict[str, Any]]:
    """Ask the operation who was added or changed."""
    query = {"timeStamp": since, "start": str(start), "pagesize": "1000"}
    answer = requests.get(f"{demo.url}{OPERATION}", params=query, timeout=30)
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def row_of(page: Page, uid: str) -> Locator:
    """Find somebody's row in a table."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=uid, exact=True))


def add(page: Page, uid: str) -> None:
    """Fill in the form of a new person and send it."""
    page.get_by_role("link", name="Add a person").click()
    page.get_by_label("uid").fill(uid)
    page.get_by_label("Given name").fill("Zoë")
    page.get_by_label("Family name").fill("Quinn-Ångström")
    page.get_by_label("Mail addresses").fill("zoe@example.org\nz.quinn@example.com")
    page.get_by_role("button", name="Add").click()


def test_whoever_is_added_appears_and_stays(demo: Demo, open_page: OpenPage) -> None:
    """On the changes page by itself, in the operation's answer, and after a restart."""
    since = now()
    watched = open_page(f"{demo.url}/changes?since={since}")
    expect(watched.get_by_text("Nobody was added or changed")).to_be_visible()
    people = open_page(f"{demo.url}/people/")
    add(people, "zoe")
    expect(people.get_by_role("status")).to_contain_text("The person was added")
    expect(row_of(people, "zoe")).to_contain_text("Zoë Quinn-Ångström")
    expect(row_of(watched, "zoe")).to_contain_text("added")
    before = changes(demo, since)
    assert [person["uid"] for person in before] == [["zoe"]]
    assert before[0]["mail"] == ["zoe@example.org", "z.quinn@example.com"]
    assert before[0].keys() & {"oxCreationTimestamp", "updatedAt"} == {"oxCreationTimestamp"}
    for page in (people, watched):
        page.goto("about:blank")
    demo.stop()
    demo.start()
    assert changes(demo, since) == before


def test_whoever_is_edited_appears(demo: Demo, open_page: OpenPage) -> None:
    """With the new values, and the old ones where nothing was typed."""
    since = now()
    watched = open_page(f"{demo.url}/changes?since={since}")
    people = open_page(f"{demo.url}/people/?q=JDOE")
    people.get_by_role("link", name="Edit jdoe").click()
    people.get_by_label("Display name").fill("<b>Jane</b>")
    people.get_by_label("Status").select_option("inactive")
    people.get_by_role("button", name="Save").click()
    expect(people.get_by_role("status")).to_contain_text("The changes were saved")
    expect(row_of(watched, "jdoe")).to_contain_text("edited")
    watched.get_by_text("13 attributes").click()
    expect(row_of(watched, "jdoe").locator("pre")).to_contain_text('"<b>Jane</b>"')
    (jane,) = changes(demo, since)
    assert jane["displayName"] == ["<b>Jane</b>"]
    assert jane["gluuStatus"] == ["inactive"]
    assert jane["mail"] == ["jane.doe@example.com", "jane@example.org"]
    assert jane["updatedAt"][0] >= since


def test_whoever_is_deleted_is_gone(demo: Demo, open_page: OpenPage) -> None:
    """After a question; the operation lists nobody in her place."""
    page = open_page(f"{demo.url}/people/?q=jdoe")
    page.get_by_role("link", name="Delete jdoe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete Jane Doe?")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_contain_text("The person was deleted")
    everybody = changes(demo, "1970-01-01T00:00:00Z")
    assert len(everybody) == 999
    assert ["jdoe"] not in [person["uid"] for person in everybody]


def test_a_day_of_activity(demo: Demo, open_page: OpenPage) -> None:
    """The button says how many joined, changed and left, and the list shows who can be seen."""
    since = now()
    page = open_page(f"{demo.url}/changes?since={since}")
    page.get_by_role("button", name="Simulate a day").click()
    said = page.get_by_text("A day went by: 4 people joined, 12 changed, 2 left.")
    expect(said).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(16)
    expect(page.locator("#summary")).to_have_text("16 people were added or changed.")
    assert len(changes(demo, since)) == 16
    assert len(changes(demo, "1970-01-01T00:00:00Z", start=1000)) == 2


def test_a_form_that_cannot_be_saved(
    demo: Demo, open_page: OpenPage, complaints: list[str]
) -> None:
    """The sentence has the focus, is told with its field, and what was typed is still there."""
    page = open_page(f"{demo.url}/people/")
    add(page, "JDOE")
    expect(page.get_by_role("alert")).to_be_focused()
    field = page.get_by_label("uid")
    expect(field).to_have_value("JDOE")
    expect(field).to_have_accessible_description(
        "The name to log in with; nobody else may have it."
        " Somebody has this uid. Choose another one."
    )
    assert len(changes(demo, "1970-01-01T00:00:00Z")) == 1000
    complaints.clear()  # Chromium notes the status 422


def test_a_sentence_leads_to_its_field(
    demo: Demo, open_page: OpenPage, complaints: list[str]
) -> None:
    """What cannot be saved is named as the form names it, and linked."""
    page = open_page(f"{demo.url}/people/new")
    for label, text in (("uid", "mo"), ("Given name", "Mo"), ("Family name", "Li")):
        page.get_by_label(label).fill(text)
    page.get_by_label("Mail addresses").fill("no address")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("alert").get_by_role("link", name="Mail addresses").click()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Mobile numbers")).to_be_focused()
    complaints.clear()  # Chromium notes the status 422


def test_the_keyboard_is_enough(demo: Demo, open_page: OpenPage) -> None:
    """The first stop leads past the navigation; a person is added without a mouse."""
    page = open_page(f"{demo.url}/people/new")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for text in ("kay", "Kay", "Board"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(row_of(page, "kay")).to_contain_text("Kay Board")


def test_people_without_javascript(demo: Demo, open_page: OpenPage) -> None:
    """All but the changes and the documentation, which say where to read them instead."""
    page = open_page(f"{demo.url}/people/", java_script_enabled=False)
    add(page, "nojs")
    expect(row_of(page, "nojs")).to_be_visible()
    page.goto(f"{demo.url}/changes")
    page.get_by_role("link", name="The operation's answer").click()
    assert '"nojs"' in page.content()
    page.goto(f"{demo.url}/docs")
    expect(page.get_by_role("link", name="resource_changes.openapi.json")).to_be_visible()


def test_pages_of_the_list(demo: Demo, open_page: OpenPage) -> None:
    """A search is kept from page to page."""
    page = open_page(f"{demo.url}/people/")
    expect(page.get_by_text("Page 1 of 40")).to_be_visible()
    page.get_by_label("Search uid, name or mail").fill("çELIK")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("44 of 1,000 people contain")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(19)
    expect(page.locator("tbody tr").filter(has_text="Çelik")).to_have_count(19)
