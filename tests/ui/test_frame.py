"""What every page has."""

import gzip
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from registry.announcements.current import forget_announcements, refresh_announcements
from registry.announcements.models import Announcement
from registry.announcements.services import announce
from registry.repositories.models import Repository
from tests.registry.builders import NOW, make_repository, make_user
from tests.ui.browsing import browser
from tests.ui.contents.pushed import push_image
from ui.display.amounts import ago, bytes_text
from ui.display.code import code_lines
from ui.display.prose import first_words, prose
from ui.paging import page_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    forget_announcements()
    yield
    forget_announcements()


def test_a_page_asks_no_other_host_and_has_no_inline_code() -> None:
    response = Client().get("/help")

    text = response.content.decode()
    assert "//" not in text.replace("http://testserver", "")
    assert "<style" not in text
    assert "style=" not in text
    assert "onclick" not in text
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]


def test_pages_are_compressed_for_browsers_that_take_it() -> None:
    plain = Client().get("/help").content

    answer = Client().get("/help", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.content) < len(plain) / 2
    assert b"Keyboard shortcuts" in gzip.decompress(answer.content)


def test_what_is_no_page_is_sent_as_it_is() -> None:
    answer = Client().get("/.well-known/jwks.json", headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in answer.headers


def test_the_theme_is_kept_in_a_cookie_without_an_account() -> None:
    client = Client()

    answer = client.post(
        "/settings/theme", {"theme": "dark"}, HTTP_REFERER="http://testserver/help"
    )

    assert answer.headers["Location"] == "http://testserver/help"
    assert 'data-theme="dark"' in client.get("/help").content.decode()


def test_a_theme_that_does_not_exist_changes_nothing() -> None:
    client = Client()

    client.post("/settings/theme", {"theme": '"><script>'})

    assert 'data-theme="auto"' in client.get("/help").content.decode()


def test_choosing_a_theme_never_leads_to_another_host() -> None:
    answer = Client().post("/settings/theme", {"theme": "dark"}, HTTP_REFERER="https://evil.test/")

    assert answer.headers["Location"] == "/"


def test_the_tool_is_kept_in_a_cookie_and_its_commands_are_shown() -> None:
    repository = make_repository("acme/web", is_public=True)
    push_image(repository, reference="v1", config={"os": "linux"})
    client = Client()
    assert shown_tools(client) == {"podman"}

    client.post("/settings/tool", {"tool": "skopeo"})

    assert shown_tools(client) == {"skopeo"}


def test_an_announcement_that_was_put_away_comes_back_when_it_says_something_else() -> None:
    client = Client()
    made = announce(text="New disks", severity="info", now=timezone.now())
    refresh_announcements(now=timezone.now())
    match = re.search('name="announcement" value="([0-9a-f]+)"', shown_on(client))
    assert match

    client.post("/settings/put-away", {"announcement": match[1]})

    assert "New disks" not in shown_on(client)
    assert "New disks" in shown_on(Client())
    Announcement.objects.filter(pk=made.pk).update(text="New disks on Monday")
    refresh_announcements(now=timezone.now())
    assert "New disks on Monday" in shown_on(client)


@pytest.mark.parametrize("mark", ["", "x" * 12, "0" * 13, '";secure', "é" * 12])
def test_what_is_no_announcement_is_not_put_away(mark: str) -> None:
    client = Client()

    client.post("/settings/put-away", {"announcement": mark})

    assert "put-away" not in client.cookies


def test_a_browser_keeps_a_few_announcements_that_were_put_away() -> None:
    client = Client()

    for number in range(30):
        client.post("/settings/put-away", {"announcement": f"{number:012x}"})

    assert len(client.cookies["put-away"].value.split(".")) == 20


def shown_on(client: Client) -> str:
    return client.get("/help").content.decode()


def test_a_tool_that_a_kind_does_not_have_leaves_the_first() -> None:
    repository = make_repository("acme/web", is_public=True)
    push_image(repository, reference="v1", config={"os": "linux"})
    client = Client()

    client.post("/settings/tool", {"tool": "apptainer"})

    assert shown_tools(client) == {"podman"}


def shown_tools(client: Client) -> set[str]:
    text = client.get("/acme/web/-/tags/v1").content.decode()
    return set(re.findall('data-tool="([a-z]+)">', text))


def test_the_bar_names_the_person() -> None:
    assert "Account: alice" in browser(make_user()).get("/help").content.decode()


def test_what_does_not_exist_is_a_page_that_offers_to_sign_in() -> None:
    answer = Client().get("/no/such/-/place")

    assert answer.status_code == 404
    assert "/account/login/?next=%2Fno%2Fsuch%2F-%2Fplace" in answer.content.decode()


def test_markdown_cannot_do_harm() -> None:
    html = prose(
        "# T\n<script>alert(1)</script> ![x](http://evil/x.png) [a](javascript:alert(1))"
        " [b](https://good.test) <img src=x onerror=alert(1)>",
        top_heading=2,
    )

    assert "<h2>T</h2>" in html
    assert "<script" not in html
    assert "<img" not in html
    assert "javascript:" not in html.replace("[a](javascript:alert(1))", "")
    assert 'href="https://good.test" rel="nofollow noopener ugc"' in html


def test_code_is_coloured_line_by_line_and_escaped() -> None:
    lines = code_lines("a: 1\n# <b>\n\nc: d\n", "yaml")

    assert len(lines) == 4
    assert "&lt;b&gt;" in lines[1]
    assert lines[2] == ""


def test_amounts_are_short() -> None:
    assert [bytes_text(n) for n in (0, 1023, 1024, 1536 * 1024, 500 * 1024**3)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.5 MiB",
        "500 GiB",
    ]
    assert ago(NOW - timedelta(hours=25), NOW) == "1 day ago"
    assert ago(NOW + timedelta(minutes=5), NOW) == "in 5 minutes"
    assert ago(NOW, NOW) == "just now"


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(days=14, seconds=-5), "in 2 weeks"),
        (timedelta(days=2, seconds=-1), "in 2 days"),
        (timedelta(days=1, hours=23, minutes=10), "in 1 day 23 hours"),
        (timedelta(days=90, minutes=-1), "in 3 months"),
        (timedelta(days=365), "in 1 year"),
        (timedelta(days=3650), "in 10 years"),
        (timedelta(hours=24, seconds=-10), "in 1 day"),
        (timedelta(hours=14, minutes=40), "in 15 hours"),
        (timedelta(minutes=90), "in 1 hour 30 minutes"),
        (timedelta(seconds=20), "in less than a minute"),
    ],
)
def test_what_is_left_is_rounded_to_the_nearest(left: timedelta, text: str) -> None:
    assert ago(NOW + left, NOW) == text


def test_pages_of_a_list_follow_each_other_and_miss_nothing() -> None:
    for number in range(5):
        make_repository(f"acme/r{number}")

    seen, query = [], ""
    for _ in range(3):
        request = RequestFactory().get(f"/x{query}")
        page = page_of(request, Repository.objects.all(), order=("-created_at", "path"), size=2)
        seen += [row.path for row in page.rows]
        query = page.next_url

    assert seen == [f"acme/r{number}" for number in range(5)]
    assert query == ""


@pytest.mark.parametrize("cursor", ["x", "W10", "WyIwIiwiXHUwMDAwIl0", "A" * 3000, "WzEsMl0"])
def test_a_cursor_that_nobody_wrote_shows_the_first_page(cursor: str) -> None:
    make_repository("acme/web")
    request = RequestFactory().get("/x", {"after": cursor})

    page = page_of(request, Repository.objects.all(), order=("-created_at", "path"), size=2)

    assert [row.path for row in page.rows] == ["acme/web"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Etherpad\n\nFor **all**.", "Etherpad"),
        (
            "Pads for **Kubernetes**,\nkept by [us](https://a.test).",
            "Pads for Kubernetes, kept by us.",
        ),
        ("![logo](x.png)`code` <b>", "code <b>"),
        ("", ""),
        ("x" * 80, "x" * 59 + "…"),
    ],
)
def test_the_first_words_of_markdown_are_plain(text: str, said: str) -> None:
    assert first_words(text, most=60) == said
