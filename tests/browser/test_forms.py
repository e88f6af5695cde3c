"""What a form says while one types is true of what stands in it then."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow


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
