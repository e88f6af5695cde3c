"""What a form says while one types is true of what stands in it then."""

import re
from datetime import datetime, timedelta

from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.windows import NARROW


def test_what_is_said_while_one_types_replaces_what_was_refused(open_window: OpenWindow) -> None:
    window = open_window("alice")
    window.goto("/new/organization")
    name = window.page.locator("main input[name=name]")
    name.fill("He lm")
    window.page.get_by_role("button", name="Create organization").click()
    expect(name).to_have_attribute("aria-invalid", "true")

    name.fill("")
    name.press_sequentially("newname")

    expect(window.page.locator("#name-check")).to_contain_text("newname is free")
    expect(name).to_have_attribute("aria-invalid", "false")
    assert "cannot be used" not in window.text()


def test_a_form_that_was_refused_has_the_focus_where_it_is_wrong(open_window: OpenWindow) -> None:
    window = open_window("alice")
    window.goto("/new/organization")
    window.page.locator("main input[name=name]").fill("He lm")

    window.page.get_by_role("button", name="Create organization").click()

    expect(window.page.locator("main input[name=name]")).to_be_focused()
    expect(window.page).to_have_title(re.compile("^Error: "))


def test_a_menu_is_walked_through_with_the_arrow_keys(open_window: OpenWindow) -> None:
    window = open_window("alice")
    window.goto("/acme/web")
    window.page.locator(".b-bar summary", has_text="New").focus()

    for _ in range(2):
        window.page.keyboard.press("ArrowDown")

    expect(window.page.get_by_role("link", name="Organization", exact=True)).to_be_focused()


def test_the_tab_of_a_page_is_in_sight_on_a_phone(open_window: OpenWindow) -> None:
    window = open_window("alice", width=NARROW)
    window.goto("/acme/web/-/settings")

    expect(window.page.locator(".b-tabs [aria-current]").first).to_be_in_viewport(ratio=0.99)


def test_two_tags_that_are_ticked_are_counted_and_compared(open_window: OpenWindow) -> None:
    window = open_window("alice")
    window.goto("/acme/web/-/tags?sort=name")
    expect(window.page.locator(".b-chosen")).to_be_hidden()

    for tag in ("v1.3.0", "v1.4.0"):
        window.page.get_by_label(f"Choose {tag}", exact=True).check()

    expect(window.page.locator("[data-chosen]")).to_have_text("2 of 6 chosen")
    compare = window.page.get_by_role("link", name="Compare two")
    expect(compare).to_have_attribute("href", "/acme/web/-/compare?a=v1.3.0&b=v1.4.0")


def test_names_are_suggested_in_the_field_that_takes_them(open_window: OpenWindow) -> None:
    window = open_window("alice")
    window.goto("/acme/web/-/access")

    with window.page.expect_response(lambda answer: "/-/names?" in answer.url):
        window.page.locator("main input[list=picks-name]").press_sequentially("ali")

    expect(window.page.locator("#picks-name option").first).to_have_attribute("value", "alice")


def test_a_moment_is_typed_in_the_zone_of_who_types_it_and_sent_in_utc(
    open_window: OpenWindow,
) -> None:
    window = open_window("admin")
    zone = window.context.new_cdp_session(window.page)
    zone.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})
    page = window.goto("/system/announcements")
    page.get_by_role("link", name="New disks").click()
    begin, end = page.locator("#id_starts_at"), page.locator("#id_ends_at")
    said = str(begin.get_attribute("value"))

    end.fill("2030-01-01T09:30")

    shown = datetime.fromisoformat(said) + timedelta(hours=9)
    expect(begin).to_have_value(f"{shown:%Y-%m-%dT%H:%M}")
    expect(page.locator("#id_ends_at_helptext")).to_contain_text("Asia/Tokyo")
    sent = page.evaluate("Object.fromEntries(new FormData(document.querySelector('main form')))")
    assert (sent["starts_at"], sent["ends_at"]) == (said, "2030-01-01T00:30")
