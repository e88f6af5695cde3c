"""Django's administration as one of our places."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.audit.admin import KindFilter
from accounts.audit.models import AuditEvent
from accounts.audit.services import record
from accounts.credentials.models import LoginThrottle, SigningKey
from accounts.users.models import User
from config.administration.models import Setting
from config.administration.runtime import follow_settings, forget_followed
from registry.announcements.current import forget_announcements
from registry.announcements.models import Announcement
from registry.queue.models import Message
from tests.registry.builders import NOW, make_organization, make_repository, make_user
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

VALUE = "/admin/config/setting/{}/"


@pytest.fixture
def boss() -> User:
    return make_user("boss", is_superuser=True)


@pytest.fixture(autouse=True)
def _as_at_the_start(db: None) -> Iterator[None]:
    yield
    forget_followed()
    forget_announcements()


def test_whoever_is_not_signed_in_signs_in_on_our_page() -> None:
    answer = browser().get("/admin/users/user/", follow=True)

    assert answer.redirect_chain[-1][0] == "/account/login/?next=%2Fadmin%2Fusers%2Fuser%2F"


def test_whoever_is_signed_in_and_may_not_is_told_so() -> None:
    answer = browser(make_user()).get("/admin/", follow=True)

    assert answer.status_code == 403


def test_a_repository_of_the_user_admin_is_found_below_the_administration() -> None:
    make_user("admin", is_superuser=True)
    make_repository("admin/web", is_public=True)

    assert "admin /" in browser().get("/admin/web").text
    assert browser().get("/admin/nothing").status_code == 404


def test_the_first_page_lists_everything_in_our_words(boss: User) -> None:
    text = browser(boss).get("/admin/").text

    places = [text.index(word) for word in ("Users", "Repositories", "Announcements", "Audit log")]
    assert places == sorted(places)
    assert "Berth administration" in text
    assert 'href="/status"' in text
    assert not admin.site.is_registered(Group)


def test_every_list_opens_and_its_queries_do_not_grow_with_rows(boss: User) -> None:
    def fill(name: str) -> None:
        repository = make_repository(f"{name}/web")
        Message.objects.create(queue="celery", body="{}")
        Announcement.objects.create(text=name, created_at=NOW)
        assert repository.namespace

    def queries(path: str) -> int:
        client = browser(boss)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200, path
        return len(captured)

    paths = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    ]
    fill("one")
    before = {path: queries(path) for path in paths}
    for number in range(6):
        fill(f"more{number}")

    grown = {path for path in paths if queries(path) > before[path]}
    assert not grown


def test_every_key_is_listed_with_its_value_and_where_it_comes_from(boss: User) -> None:
    browser(boss).post(VALUE.format("V2_PAGINATION_SIZE"), {"value": "17"})

    text = browser(boss).get("/admin/config/setting/").text

    assert "<code>17</code>" in text
    assert "boss" in text
    assert "(set, not shown)" in text
    assert settings.SECRET_KEY not in text


def test_a_setting_is_changed_and_taken_back(
    boss: User, django_capture_on_commit_callbacks: object
) -> None:
    client = browser(boss)
    page = VALUE.format("FEATURE_PUBLIC_CATALOG")

    assert client.post(page, {"value": "true"}).status_code == 302
    follow_settings()
    assert settings.BERTH.FEATURE_PUBLIC_CATALOG is True
    assert client.post(page, {"reset": "1"}).status_code == 302
    follow_settings()
    assert settings.BERTH.FEATURE_PUBLIC_CATALOG is False

    actions = AuditEvent.objects.filter(target="FEATURE_PUBLIC_CATALOG").order_by("pk")
    assert list(actions.values_list("actor", "action")) == [
        ("boss", "setting.change"),
        ("boss", "setting.reset"),
    ]


@pytest.mark.parametrize("value", ["[1, 2", "perhaps", ""])
def test_a_value_that_is_not_right_is_explained(boss: User, value: str) -> None:
    answer = browser(boss).post(VALUE.format("V2_PAGINATION_SIZE"), {"value": value})

    assert answer.status_code == 200
    assert "errorlist" in answer.text
    assert not Setting.objects.exists()


def test_fixed_settings_can_only_be_read(boss: User) -> None:
    page = VALUE.format("LIBRARY_NAMESPACE")

    assert "cannot be changed while Berth runs" in browser(boss).get(page).text
    browser(boss).post(page, {"value": "other"})

    assert not Setting.objects.exists()


def test_a_row_that_nobody_understands_can_be_removed(boss: User) -> None:
    Setting.objects.create(key="OLD_KEY", value_json="1", changed_at=NOW, changed_by="x")

    assert "OLD_KEY" in browser(boss).get("/admin/config/setting/").text
    browser(boss).post(VALUE.format("OLD_KEY"), {"reset": "1"})

    assert not Setting.objects.exists()


def test_settings_are_for_superusers(boss: User) -> None:
    staff = make_user("staff")
    User.objects.filter(pk=staff.pk).update(is_staff=True)

    for path in ("/admin/config/setting/", VALUE.format("LOG_LEVEL")):
        assert browser(staff).get(path).status_code == 403
        assert browser(staff).post(path, {"value": "DEBUG"}).status_code == 403
    assert browser(staff).post("/admin/credentials/signingkey/rotate/").status_code == 403


def test_the_signing_key_is_rotated_after_a_word_about_it(boss: User) -> None:
    client = browser(boss)
    page = "/admin/credentials/signingkey/rotate/"

    assert "10 minutes" in client.get(page).text
    assert not SigningKey.objects.exists()
    assert client.post(page).status_code == 302

    assert SigningKey.objects.exists()
    assert "Rotate the key" in client.get("/admin/credentials/signingkey/").text


def test_announcements_are_made_shown_and_deleted(
    boss: User, django_capture_on_commit_callbacks: object
) -> None:
    client = browser(boss)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        client.post(
            "/admin/announcements/announcement/add/", {"text": "**Soon**", "severity": "info"}
        )
    assert "<strong>Soon</strong>" in browser().get("/help").text

    row = Announcement.objects.get()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        client.post(f"/admin/announcements/announcement/{row.pk}/delete/", {"post": "yes"})
    assert "Soon" not in browser().get("/help").text
    actions = AuditEvent.objects.filter(action__startswith="announcement.").order_by("pk")
    assert [event.action for event in actions] == ["announcement.create", "announcement.delete"]


def test_what_people_made_for_themselves_can_be_deleted_and_that_is_audited(boss: User) -> None:
    from allauth.mfa.models import Authenticator

    carol = make_user("carol")
    lost = Authenticator.objects.create(user=carol, type=Authenticator.Type.TOTP, data={})
    client = browser(boss)

    assert client.get("/admin/mfa/authenticator/add/").status_code == 403
    client.post(f"/admin/mfa/authenticator/{lost.pk}/delete/", {"post": "yes"})

    assert not Authenticator.objects.exists()
    event = AuditEvent.objects.get(action="user.second-factor.remove")
    assert (event.actor, event.namespace, event.facts) == ("boss", "carol", {"factor": "totp"})


@pytest.mark.parametrize("kind", KindFilter.kinds)
def test_the_audit_log_can_be_narrowed_to_what_follows_an_incident(boss: User, kind: str) -> None:
    _, actions = KindFilter.kinds[kind]
    for action in (actions[0], "repository.create"):
        record(actor="carol", action=action, target="acme/web", now=NOW)

    shown = browser(boss).get(f"/admin/audit/auditevent/?kind={kind}").context["cl"].result_list

    assert [event.action for event in shown] == [actions[0]]


def test_an_organization_s_admin_pages_are_filed_under_it(boss: User) -> None:
    organization = make_organization("acme")
    client = browser(boss)
    client.post(
        "/admin/organizations/team/add/",
        {
            "organization": organization.pk,
            "name": "devs",
            "role": "member",
            "description": "",
            "members-TOTAL_FORMS": "0",
            "members-INITIAL_FORMS": "0",
        },
    )

    event = AuditEvent.objects.get(action="team.create", actor="boss")
    assert (event.target, event.namespace, event.repository) == ("acme/devs", "acme", "")


def test_jobs_that_were_given_up_are_tried_again_and_that_is_audited(boss: User) -> None:
    parked = Message.objects.create(queue="celery", body="{}", is_parked=True, attempts=5)

    browser(boss).post(
        "/admin/queue/message/", {"action": "try_again", "_selected_action": [parked.pk]}
    )

    parked.refresh_from_db()
    assert (parked.is_parked, parked.attempts) == (False, 0)
    assert AuditEvent.objects.get(action="message.try-again").actor == "boss"


def test_to_let_somebody_try_to_sign_in_again_is_audited(boss: User) -> None:
    slowed = LoginThrottle.objects.create(key="k" * 20, failures=9, updated_at=NOW)

    browser(boss).post(f"/admin/credentials/loginthrottle/{slowed.pk}/delete/", {"post": "yes"})

    assert not LoginThrottle.objects.filter(pk=slowed.pk).exists()
    assert AuditEvent.objects.get(action="login-throttle.delete").actor == "boss"
