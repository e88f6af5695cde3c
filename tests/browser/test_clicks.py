"""Every aim is three clicks from the home page, the last confirmation counted; what is typed is
not. By keyboard on a phone as with a mouse."""

from collections.abc import Sequence

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenWindow
from tests.browser.harbour import Harbour
from tests.browser.windows import NARROW, WIDE

MOST = 3
Step = tuple[str, str]  # the role of what is clicked, and its name; a field, and what is typed

WEB: Step = ("link", "acme / web")
NEWEST: Step = ("link", "nightly")
OURS: Step = ("link", "alice / clicks")
OURS_NEWEST: Step = ("link", "edge-")
AIMS: Sequence[tuple[str, Sequence[Step], str]] = [
    ("the command to pull", [WEB], "podman pull"),
    ("what expires next", [WEB, ("link", "Tags")], "set by hand"),
    ("when a tag expires", [NEWEST], "asked for by"),
    ("who pushed", [OURS_NEWEST], "by alice"),
    ("why a push was refused", [("link", "Notices")], "refused"),
    ("the verdict on a signature", [WEB], "Verified"),
    ("another platform", [NEWEST, ("link", "linux/arm64")], "Build steps"),
    ("the values of a chart", [("link", "0.1.0")], "pullPolicy: IfNotPresent"),
    (
        "what differs between two tags",
        [WEB, ("link", "v1.5.0"), ("link", "Compare with v1.4.0")],
        "org.opencontainers.image.version",
    ),
    (
        "a robot that may push here",
        [
            WEB,
            ("link", "Access"),
            ("Name", "clicks"),
            ("button", "Create robot and show its token"),
        ],
        "Its token, shown only now",
    ),
    (
        "the deletion of a tag",
        [OURS_NEWEST, ("link", "Delete"), ("button", "Delete: 1 tag")],
        "Deleted: 1 tag.",
    ),
    (
        "bringing back a tag",
        [OURS, ("link", "History"), ("button", "Restore gone-")],
        "is back and points at",
    ),
]
WAYS = {"mouse": WIDE, "keyboard": NARROW}
_FILL = """
from django.utils import timezone
from accounts.audit.services import Actor
from accounts.users.models import User
from registry.repositories.models import Repository
from registry.repositories.services import create_repository
from registry.tags.services import delete_tag
from tests.registry.builders import hold, image, principal_of, push
alice, now = User.objects.get(username="alice"), timezone.now()
by = Actor("alice")
web = create_repository(
    path="alice/clicks", creator=principal_of(alice), is_public=False, now=now
)
for tag in ("gone-1", "gone-2", "edge-1", "edge-2"):
    hold(web, tag.encode(), now=now)
    push(web, image(tag.encode()), tag, now=timezone.now(), by=by)
for tag in ("gone-1", "gone-2"):
    delete_tag(repository=web, name=tag, now=timezone.now(), by=by)
Repository.objects.filter(pk=web.pk).update(last_pushed_at=now)
"""


@pytest.fixture(scope="module", autouse=True)
def _ours(harbour: Harbour) -> None:
    """A repository with tags that may be deleted and brought back, one for each way."""
    harbour.server.manage("shell", "--no-imports", "--command", _FILL)


def take(page: Page, step: Step, way: str) -> None:
    role, name = step
    if role == "Name":
        page.locator("form", has_text="Create robot").get_by_label("Name").fill(f"{name}-{way}")
        return
    links, buttons = page.get_by_role("link", name=name), page.get_by_role("button", name=name)
    place = (links if role == "link" else buttons).locator("visible=true").first
    with page.expect_navigation():
        if way == "mouse":
            place.click()
        else:
            place.focus()
            page.keyboard.press("Enter")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("steps", "seen"), [aim[1:] for aim in AIMS], ids=[a[0] for a in AIMS])
def test_an_aim_is_three_clicks_away(
    open_window: OpenWindow, steps: Sequence[Step], seen: str, way: str
) -> None:
    window = open_window("alice", width=WAYS[way])
    page = window.goto("/")

    for step in steps:
        take(page, step, way)

    expect(page.get_by_role("main")).to_contain_text(seen)
    assert len([step for step in steps if step[0] in {"link", "button"}]) <= MOST
    assert not window.overflows()
