"""What pages remember and keep for who looks at them."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenWindow
from tests.browser.harbour import Harbour
from tests.browser.windows import NARROW, WIDE

_TEXTS_OF_PLOTS = """[...document.querySelectorAll('.b-plot text')].map(text => {
  const scale = text.getScreenCTM().d, place = text.closest('.b-plot').getBoundingClientRect();
  const {left, right} = text.getBoundingClientRect();
  const isInside = left >= place.left - 1 && right <= place.right + 1;
  return [parseFloat(getComputedStyle(text).fontSize) * scale, isInside];
})"""


def commands(page: Page) -> str:
    return page.locator("#use .b-ways").first.inner_text()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_the_tool_that_was_chosen_last_is_shown_on_the_next_page(
    open_window: OpenWindow, javascript: bool
) -> None:
    window = open_window(javascript=javascript)
    page = window.goto("/acme/web/-/tags/v1.4.0")
    assert "podman pull" in commands(page)

    with page.expect_response("**/settings/tool"):
        page.locator("#use").get_by_role("button", name="crane").first.click()

    window.goto("/acme/web/-/tags/v1.5.0")
    assert "crane pull" in commands(page)
    assert "podman" not in commands(page).replace("podman\n", "")


def test_another_tool_needs_no_other_page(open_window: OpenWindow) -> None:
    window = open_window()
    page = window.goto("/acme/web/-/tags/v1.4.0")

    page.locator("#use").get_by_role("button", name="skopeo").first.click()

    expect(page.locator("#use [data-tool=skopeo]").first).to_be_visible()
    expect(page.locator("#use [data-tool=podman]").first).to_be_hidden()


def test_another_platform_opens_at_the_section_that_one_reads(
    harbour: Harbour, open_window: OpenWindow
) -> None:
    window = open_window(still=True)  # where the page was scrolled to, it is at once
    amd64 = harbour.known["arguments"]["ui:layer"]["digest"]
    page = window.goto(f"/acme/web/-/manifests/{amd64}")
    page.evaluate("document.getElementById('steps').scrollIntoView()")

    page.get_by_role("navigation", name="Platform").get_by_role("link", name="arm64").click()

    expect(page).to_have_url(re.compile(rf"manifests/(?!{amd64}).*#steps$"))


def test_a_group_of_settings_is_one_press_away_on_a_phone(open_window: OpenWindow) -> None:
    window = open_window("admin", width=NARROW, still=True)
    page = window.goto("/system/settings")
    groups = page.get_by_role("navigation", name="Groups")
    page.mouse.wheel(0, 4000)

    groups.get_by_role("link", name="Mail").click()

    expect(page.get_by_role("heading", name="Mail")).to_be_in_viewport()
    expect(groups).to_be_in_viewport()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_a_setting_is_found_by_part_of_its_name(open_window: OpenWindow, javascript: bool) -> None:
    window = open_window("admin", width=NARROW, javascript=javascript)
    page = window.goto("/system/settings")

    page.get_by_label("Filter settings").press_sequentially("tag_expir")
    if not javascript:
        page.get_by_role("button", name="Filter").click()

    expect(page.locator("#DEFAULT_TAG_EXPIRATION")).to_be_visible()
    expect(page.locator("#FEATURE_MAILING")).to_have_count(0)


@pytest.mark.parametrize("path", ["/acme/web/-/activity", "/styleguide"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_text_in_plots_is_as_large_as_other_small_text(
    open_window: OpenWindow, path: str, width: int
) -> None:
    page = open_window("alice", width=width).goto(path)

    drawn = page.evaluate(_TEXTS_OF_PLOTS)

    assert len(drawn) > 4
    assert {pixels for pixels, _ in drawn} == {12}
    assert all(is_inside for _, is_inside in drawn)


def test_the_first_tag_and_what_is_known_of_it_are_in_sight_on_a_phone(
    open_window: OpenWindow,
) -> None:
    page = open_window("alice", width=NARROW).goto("/acme/web/-/tags")

    card = page.locator("tbody tr").nth(1)

    assert page.locator("tbody tr").first.evaluate("row => row.getBoundingClientRect().top") < 500
    tops = card.locator("td:visible").filter(has_text=re.compile("Verified|KiB|ago"))
    assert len(set(tops.evaluate_all("all => all.map(one => Math.round(one.offsetTop / 8))"))) == 1
    expect(card).not_to_contain_text("Never", use_inner_text=True)


@pytest.mark.parametrize("path", ["/system/people", "/system/organizations", "/system/settings"])
def test_a_filter_and_its_button_stand_in_one_line(open_window: OpenWindow, path: str) -> None:
    page = open_window("admin").goto(path)

    form = page.get_by_role("search").filter(has=page.get_by_role("button", name="Filter"))

    boxes = [part.bounding_box() for part in form.locator(".b-filter, button").all()]
    assert len({round(box["y"]) for box in boxes if box}) == 1


@pytest.mark.parametrize(
    ("path", "button"), [("/acme/web", "[data-copy]"), ("/account/login/", "#passkey_login")]
)
@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_what_needs_a_script_is_shown_to_who_has_one(
    open_window: OpenWindow, path: str, button: str, javascript: bool
) -> None:
    page = open_window(javascript=javascript).goto(path)

    assert page.locator(button).first.is_visible() is javascript
