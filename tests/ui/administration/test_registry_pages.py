"""The pages about the registry: people, organizations, announcements, the audit trail."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.organizations.models import Organization
from accounts.users.models import User
from accounts.users.services import change_email
from registry.announcements.current import current_announcements, forget_announcements
from registry.announcements.models import Announcement
from registry.announcements.services import announce
from registry.statistics.models import NamespaceStorage
from tests.registry.builders import NOW, make_organization, make_repository, make_user
from tests.ui.browsing import browser
from ui import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> User:
    return make_user("boss", is_superuser=True)


@pytest.fixture
def page(boss: User) -> Client:
    return browser(boss)


@pytest.fixture(autouse=True)
def _asked_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is at work proved who they are some minutes ago."""
    for module in ("people", "organizations"):
        monkeypatch.setattr(f"ui.administration.{module}.ask_again", lambda request: None)


# --- Overview ------------------------------------------------------------------------------------


def test_the_first_page_counts_what_there_is(page: Client) -> None:
    make_repository("acme/web")

    shown = page.get("/system").context

    assert (shown["repositories"], shown["organizations"]) == ("1", "1")


def test_the_first_page_costs_the_same_however_much_there_is(page: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page.get("/system")
        return len(captured)

    queries()
    few = queries()
    for number in range(5):
        make_repository(f"acme{number}/web")
    assert queries() == few


# --- People --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ann", "bob", "boss"]),
        ("?q=NN", ["ann"]),
        ("?q=example.org", ["bob"]),
        ("?state=disabled", ["ann"]),
        ("?state=active", ["bob", "boss"]),
        ("?state=administrators", ["boss"]),
        ("?state=nonsense", ["ann", "bob", "boss"]),
        ("?q=%00", ["ann", "bob", "boss"]),
    ],
)
def test_people_are_found(page: Client, query: str, found: list[str]) -> None:
    User.objects.filter(pk=make_user("ann").pk).update(is_active=False)
    change_email(user=make_user("bob"), email="bob@example.org", now=NOW)

    shown = page.get(f"/system/people{query}").context["page"].rows

    assert [user.username for user in shown] == found


def test_a_person_is_made_with_a_password_to_change(page: Client) -> None:
    answer = page.post("/system/new-person", {"username": "carl", "email": "carl@example.com"})

    made = User.objects.get(username="carl")
    assert made.check_password(answer.context["password"])
    assert made.must_change_password


def test_a_password_that_is_shown_once_is_in_no_cache(page: Client) -> None:
    assert page.post("/system/new-person", {"username": "carl"})["Cache-Control"] == "no-store"


def test_a_name_that_is_taken_is_told_beside_its_field(page: Client) -> None:
    answer = page.post("/system/new-person", {"username": "boss"})

    assert answer.context["form"].errors["username"]


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        ("disable", "is_active", False),
        ("promote", "is_superuser", True),
        ("password", "must_change_password", True),
    ],
)
def test_what_an_administrator_may_do_about_an_account(
    page: Client, change: str, column: str, value: bool
) -> None:
    make_user("ann")

    page.post("/system/people/ann", {"change": change})

    assert getattr(User.objects.get(username="ann"), column) is value


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [("enable", "is_active", True), ("demote", "is_superuser", False)],
)
def test_what_was_done_can_be_taken_back(
    page: Client, change: str, column: str, value: bool
) -> None:
    make_user("ann", is_superuser=True)
    User.objects.filter(username="ann").update(is_active=False)

    page.post("/system/people/ann", {"change": change})

    assert getattr(User.objects.get(username="ann"), column) is value


def test_the_last_administrator_stays_one(page: Client) -> None:
    answer = page.post("/system/people/boss", {"change": "demote"}, follow=True)

    assert "b-note-error" in answer.content.decode()
    assert User.objects.get(username="boss").is_superuser


def test_an_address_is_changed(page: Client) -> None:
    make_user("ann")

    page.post("/system/people/ann", {"email": "ann@example.org"})

    assert User.objects.get(username="ann").email == "ann@example.org"


def test_a_new_password_keeps_who_knew_the_old_one_out(page: Client) -> None:
    theirs = browser(make_user("ann"))
    page.post("/system/people/ann", {"change": "password"})

    assert theirs.get("/settings").status_code == 302


# --- Organizations -------------------------------------------------------------------------------


@pytest.fixture
def acme() -> Organization:
    make_repository("acme/web")
    return Organization.objects.get(namespace__name="acme")


def test_organizations_are_listed_with_owners_repositories_and_storage(
    page: Client, acme: Organization
) -> None:
    for day, size in ((1, 5), (0, 7)):
        NamespaceStorage.objects.create(
            namespace=acme.namespace, day=NOW.date() - timedelta(days=day), size=size
        )
    make_organization("other")

    first, second = page.get("/system/organizations").context["rows"]

    assert (first["owners"], first["repositories"], first["size"]) == (["acme-owner"], 1, 7)
    assert second["size"] is None


def test_organizations_are_found_by_a_part_of_their_name(page: Client, acme: Organization) -> None:
    make_organization("other")

    rows = page.get("/system/organizations?q=cm").context["rows"]

    assert [row["namespace"].name for row in rows] == ["acme"]


PAGES = ("/acme/-/retention", "/acme/web", "/acme/web/-/access", "/acme/-/robots")


@pytest.mark.parametrize("path", PAGES)
def test_an_organization_of_others_is_closed_to_an_administrator(
    page: Client, acme: Organization, path: str
) -> None:
    assert page.get(path).status_code in {403, 404}


@pytest.mark.parametrize("path", PAGES)
def test_one_that_was_opened_shows_everything_and_says_so(
    page: Client, acme: Organization, path: str
) -> None:
    page.post("/system/organizations/acme")

    assert "You opened <b>acme</b>" in page.get(path).content.decode()


def test_its_private_repositories_are_listed(page: Client, acme: Organization) -> None:
    page.post("/system/organizations/acme")

    assert 'href="/acme/web"' in page.get("/acme").content.decode()


def test_opening_stands_in_the_log_of_the_organization(page: Client, acme: Organization) -> None:
    page.post("/system/organizations/acme")

    event = AuditEvent.objects.get(action="organization.open")
    assert (event.actor, event.namespace) == ("boss", "acme")


def test_others_stay_closed(page: Client, acme: Organization) -> None:
    make_organization("other")
    page.post("/system/organizations/acme")

    assert page.get("/other/-/retention").status_code == 404


def test_an_open_organization_is_closed_again(page: Client, acme: Organization) -> None:
    page.post("/system/organizations/acme")
    page.post("/system/organizations/acme", {"close": "yes"})

    assert page.get("/acme/-/retention").status_code == 404


def test_it_closes_by_itself(
    page: Client, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "OPEN_FOR", timedelta(seconds=-1))
    page.post("/system/organizations/acme")

    assert page.get("/acme/-/retention").status_code == 404


def test_whoever_is_no_administrator_any_more_has_nothing_open(
    page: Client, boss: User, acme: Organization
) -> None:
    page.post("/system/organizations/acme")
    User.objects.filter(pk=boss.pk).update(is_superuser=False)

    assert page.get("/acme/-/retention").status_code == 404


# --- Announcements -------------------------------------------------------------------------------


@pytest.fixture
def _silence() -> None:
    forget_announcements()


SAID = {"text": "**New disks**", "severity": "warning"}


def test_a_preview_announces_nothing(page: Client) -> None:
    answer = page.post("/system/announcements", {**SAID, "preview": "yes"})

    assert "<strong>New disks</strong>" in answer.content.decode()
    assert not Announcement.objects.exists()


@pytest.mark.usefixtures("_silence")
@pytest.mark.django_db(transaction=True)
def test_what_is_announced_is_shown_at_once(page: Client) -> None:
    page.post("/system/announcements", SAID)

    assert [shown.text for shown in current_announcements(now=timezone.now())] == ["**New disks**"]
    forget_announcements()


def test_an_announcement_is_changed(page: Client) -> None:
    made = announce(text="Old", severity="info", now=NOW)
    until = {"ends_at": "2030-01-01T12:00"}

    page.post(f"/system/announcements/{made.pk}", SAID | until)

    made.refresh_from_db()
    assert (made.text, made.severity, str(made.ends_at)) == (
        "**New disks**",
        "warning",
        "2030-01-01 12:00:00+00:00",
    )


def test_an_announcement_is_taken_back(page: Client) -> None:
    made = announce(text="Old", severity="info", now=NOW)

    page.post(f"/system/announcements/{made.pk}", {"delete": "yes"})

    assert not Announcement.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""},
        {"text": "x" * 2001},
        {"severity": "loud"},
        {"starts_at": "2030-01-02T00:00", "ends_at": "2030-01-01T00:00"},
    ],
)
def test_an_announcement_that_is_wrong_is_told_beside_its_field(
    page: Client, wrong: dict[str, str]
) -> None:
    answer = page.post("/system/announcements", SAID | wrong)

    assert answer.status_code == 422


# --- Audit ---------------------------------------------------------------------------------------


def test_everything_that_was_done_is_listed(page: Client) -> None:
    make_repository("acme/web")

    assert "created the repository" in page.get("/system/audit").content.decode()


def test_the_trail_is_narrowed(page: Client) -> None:
    make_repository("acme/web")
    query = urlencode({"action": "repository.create"})

    lines = page.get(f"/system/audit?{query}").context["lines"]

    assert {line.event.action for line in lines} == {"repository.create"}


def test_the_trail_is_saved_as_a_file(page: Client) -> None:
    make_repository("acme/web")

    answer = page.get("/system/audit.csv")

    assert b"repository.create" in answer.getvalue()
