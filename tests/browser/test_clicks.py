"""How many clicks it is from the home page to what somebody came for, with nothing typed."""

from collections.abc import Sequence

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow

Step = tuple[str, str]  # the role of what is clicked, and its name

WEB: Step = ("link", "acme / web")
NEWEST: Step = ("link", "nightly")
AIMS: Sequence[tuple[str, Sequence[Step], str]] = [
    ("the command to pull", [WEB], "podman pull"),
    ("what expires next", [WEB, ("link", "Tags")], "set by hand"),
    ("why a push was refused", [("link", "Notices")], "refused"),
    ("the verdict on a signature", [WEB], "Verified"),
    ("another platform", [NEWEST, ("link", "linux/arm64")], "Build steps"),
    ("the values of a chart", [("link", "0.1.0")], "pullPolicy: IfNotPresent"),
    (
        "what differs between two tags",
        [
            WEB,
            ("link", "Tags"),
            ("checkbox", "Choose v1.5.0"),
            ("checkbox", "Choose v1.4.0"),
            ("link", "Compare"),
        ],
        "org.opencontainers.image.version",
    ),
    (
        "a robot that may push here",
        [WEB, ("group", "New"), ("link", "Robot account of acme")],
        "Create robot and show its token",
    ),
    ("the deletion of a tag", [NEWEST, ("group", "Actions"), ("link", "Delete")], "Delete: 1 tag"),
    ("bringing back a tag", [WEB, ("link", "History"), ("link", "Restore")], "Restore the tag"),
]


@pytest.mark.parametrize(("steps", "seen"), [aim[1:] for aim in AIMS], ids=[a[0] for a in AIMS])
def test_an_aim_is_no_more_clicks_away_than_its_steps(
    open_window: OpenWindow, steps: Sequence[Step], seen: str
) -> None:
    window = open_window("alice")
    page = window.goto("/")

    for role, name in steps:
        if role == "group":  # a menu, by what its head says
            page.locator("summary", has_text=name if name == "New" else "More").first.click()
        elif role == "checkbox":
            page.get_by_role("checkbox", name=name).click()
        else:
            page.get_by_role("link", name=name).locator("visible=true").first.click()
            page.wait_for_load_state()

    expect(page.get_by_role("main")).to_contain_text(seen)
