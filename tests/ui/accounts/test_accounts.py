"""Signing up, in and out, passwords and what a person sets for themselves."""

import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.audit.models import AuditEvent
from accounts.credentials.models import AccessToken
from accounts.credentials.services import authenticate
from accounts.users.models import Namespace, User
from accounts.users.services import create_user, disable_user
from config.keys.configuration import Configuration
from tests.registry.builders import NOW, PASSWORD, make_organization, make_repository, make_user
from tests.ui.browsing import browser, proved

pytestmark = pytest.mark.django_db
NEW = "another horse battery staple"
_UNSAID = Configuration.model_fields["FEATURE_USER_CREATION"].default


@pytest.fixture(autouse=True)
def _no_limits_from_before() -> None:
    cache.clear()


def sign_in(name: str = "alice", password: str = PASSWORD, *, to: str = "") -> Client:
    client = Client()
    client.post("/account/login/", {"login": name, "password": password, "next": to})
    return client


def who(client: Client) -> str:
    found = re.search(r"Account: ([^\"]+)\"", client.get("/help").content.decode())
    return found.group(1) if found else ""


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


def sign_up(name: str, **changed: str) -> Client:
    client = Client()
    fields = {"username": name, "password1": NEW, "password2": NEW, **changed}
    client.post("/account/signup/", fields)
    return client


def test_an_account_is_made_and_signed_in() -> None:
    client = sign_up("carol", email="Carol@example.com")

    assert who(client) == "carol"
    user = User.objects.get(username="carol")
    assert (user.email, user.namespace.name) == ("carol@example.com", "carol")
    event = AuditEvent.objects.get(action="user.create")
    assert (event.actor, event.address) == ("carol", "127.0.0.1")
    assert "user.sign-in" in actions()


@pytest.mark.parametrize("name", ["acme", "setup", "Carol", "c", "carol..x", "a b"])
def test_a_name_that_cannot_be_is_refused_beside_its_field(name: str) -> None:
    make_organization("acme")
    before = Namespace.objects.count()

    answer = Client().post(
        "/account/signup/", {"username": name, "password1": NEW, "password2": NEW}
    )

    assert 'class="b-error"' in answer.content.decode()
    assert Namespace.objects.count() == before


def test_a_weak_password_makes_no_account() -> None:
    sign_up("carol", password1="password", password2="password")

    assert not User.objects.exists()


def test_the_grammar_of_names_stands_under_the_field() -> None:
    assert "lower-case letters and digits" in Client().get("/account/signup/").content.decode()


@pytest.mark.parametrize(
    "closed", [False, Configuration.model_fields["FEATURE_USER_CREATION"].default]
)
def test_without_sign_up_the_link_is_gone_and_its_page_says_why(
    settings: Settings, closed: bool | None
) -> None:
    """As it is on a registry whose administrator said nothing about it."""
    settings.FEATURE_USER_CREATION = closed

    page = Client().get("/account/signup/").content.decode()
    client = sign_up("carol")

    assert "Accounts are made by administrators" in page
    assert "/account/signup/" not in Client().get("/account/login/").content.decode()
    assert who(client) == ""
    assert not User.objects.exists()


def test_a_person_signs_in_and_out() -> None:
    make_user()
    client = sign_in()

    assert who(client) == "alice"
    client.post("/account/logout/")
    assert who(client) == ""
    assert actions()[-2:] == ["user.sign-in", "user.sign-out"]


def test_signing_in_gives_the_browser_another_session() -> None:
    make_user()
    client = Client()
    client.get("/account/login/")
    client.session["before"] = "yes"
    client.session.save()
    before = client.session.session_key

    client.post("/account/login/", {"login": "alice", "password": PASSWORD})

    assert client.session.session_key != before


def test_a_wrong_password_and_an_unknown_name_say_the_same() -> None:
    make_user()

    pages = [
        Client().post("/account/login/", {"login": name, "password": "wrong"}).content.decode()
        for name in ("alice", "nobody")
    ]

    assert all("The user name or the password is wrong" in page for page in pages)


def test_a_disabled_account_cannot_sign_in() -> None:
    disable_user(user=make_user(), now=NOW)

    assert who(sign_in()) == ""


def test_guessing_is_slowed_by_the_brake_that_all_doors_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)  # a slow machine is past the wait
    make_user()
    for _ in range(5):
        Client().post("/account/login/", {"login": "alice", "password": "wrong"})

    answer = Client().post("/account/login/", {"login": "alice", "password": PASSWORD})

    assert "Too many failed logins" in answer.content.decode().replace("too", "Too", 1)
    assert "_auth_user_id" not in answer.client.session


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test/", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_host(settings: Settings, target: str) -> None:
    settings.ALLOWED_HOSTS = ["evil.test"]
    make_user()

    answer = Client().post(
        "/account/login/", {"login": "alice", "password": PASSWORD, "next": target}
    )

    assert answer.headers["Location"] == "/"


def test_signing_in_leads_to_where_one_wanted_to_go() -> None:
    make_user()

    answer = Client().post(
        "/account/login/", {"login": "alice", "password": PASSWORD, "next": "/settings/tokens"}
    )

    assert answer.headers["Location"] == "/settings/tokens"


def test_the_administration_signs_in_by_the_same_page() -> None:
    answer = Client().post(
        "/admin/login/?next=/admin/", {"username": "admin", "password": PASSWORD}
    )

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/account/login/?next=%2Fadmin%2F"


def test_who_may_not_administer_is_told_so_instead_of_asked_again() -> None:
    assert browser(make_user()).get("/admin/login/?next=/admin/").status_code == 403


def test_the_administration_changes_passwords_by_the_same_page() -> None:
    admin = browser(make_user("boss", is_superuser=True))

    answer = admin.get("/admin/password_change/")

    assert answer.headers["Location"] == "/account/password/change/"


def change(client: Client, old: str = PASSWORD, new: str = NEW) -> str:
    fields = {"oldpassword": old, "password1": new, "password2": new}
    return client.post("/account/password/change/", fields).content.decode()


def test_changing_the_password_ends_the_other_sessions() -> None:
    make_user()
    here, there = sign_in(), sign_in()

    change(here)

    assert (who(here), who(there)) == ("alice", "")
    assert who(sign_in(password=NEW)) == "alice"
    assert "user.password.change" in actions()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("wrong", NEW, "not your present password"),
        (PASSWORD, "password", "too common"),
        (PASSWORD, PASSWORD, "Choose another one"),
    ],
)
def test_a_password_that_cannot_be_changed_stays(old: str, new: str, words: str) -> None:
    make_user()

    assert words in change(sign_in(), old, new)
    assert who(sign_in()) == "alice"


def test_guessing_the_present_password_is_slowed() -> None:
    make_user()
    client = sign_in()
    for _ in range(5):
        cache.clear()
        change(client, "wrong")
    cache.clear()

    assert "too many failed logins" in change(client).lower()


def test_a_password_made_up_by_the_first_start_must_be_changed_first() -> None:
    create_user(
        username="admin", password=PASSWORD, is_superuser=True, must_change_password=True, now=NOW
    )
    client = sign_in("admin")

    for page in ("/", "/settings", "/admin/", "/account/2fa/", "/setup"):
        assert client.get(page).headers["Location"] == "/account/password/change/", page
    assert client.get("/account/password/change/").status_code == 200
    fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post("/account/password/change/", fields).headers["Location"] == "/setup"
    assert client.get("/setup").status_code == 200


def test_clients_log_in_although_the_password_must_be_changed() -> None:
    create_user(
        username="admin", password=PASSWORD, must_change_password=True, is_superuser=True, now=NOW
    )

    principal = authenticate(username="admin", password=PASSWORD, address="", now=NOW)

    assert principal.name == "admin"


def test_the_first_sign_in_of_a_superuser_shows_the_setup_page_once() -> None:
    make_user("boss", is_superuser=True)

    first = Client().post("/account/login/", {"login": "boss", "password": PASSWORD})
    second = Client().post("/account/login/", {"login": "boss", "password": PASSWORD})

    assert (first.headers["Location"], second.headers["Location"]) == ("/setup", "/")


def test_the_setup_page_says_what_is_and_what_to_type_next(settings: Settings) -> None:
    page = browser(make_user("boss", is_superuser=True)).get("/setup").content.decode()

    assert "Set SERVER_HOSTNAME" in page
    assert "This page came over http" in page
    assert "podman login --tls-verify=false -u &#x27;boss&#x27; testserver" in page
    assert "/new/organization" in page


def test_the_setup_page_is_for_superusers() -> None:
    assert browser(make_user()).get("/setup").status_code == 403
    assert Client().get("/setup").status_code == 302


def test_without_mail_the_page_for_forgotten_passwords_says_who_can_help() -> None:
    page = Client().get("/account/password/reset/").content.decode()

    assert "An administrator can give you a new password" in page


def test_without_mail_an_address_is_changed_on_the_settings_page() -> None:
    user = make_user()
    client = browser(user)

    client.post("/settings", {"email": "Alice@Example.com"})

    user.refresh_from_db()
    assert user.email == "alice@example.com"
    assert "user.email.change" in actions()
    assert client.get("/account/email/").headers["Location"] == "/settings"


@pytest.mark.parametrize("email", ["bob@example.com", "nobody@example.com"])
def test_the_settings_do_not_tell_whether_an_account_has_an_address(email: str) -> None:
    create_user(username="bob", password=PASSWORD, email="bob@example.com", now=NOW)

    answer = browser(make_user()).post("/settings", {"email": email}, follow=True)

    assert answer.status_code == 200
    assert "Your e-mail address was changed." in answer.content.decode()


def test_pages_of_an_account_ask_strangers_to_sign_in() -> None:
    for page in ("/settings", "/settings/delete", "/settings/tokens", "/settings/tokens/1/revoke"):
        assert Client().get(page).headers["Location"].startswith("/account/login/?next="), page


def test_cookies_are_kept_from_scripts_and_from_other_sites() -> None:
    make_user()
    client = sign_in()

    for cookie in (client.cookies["sessionid"], client.cookies["csrftoken"]):
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_cookies_that_came_over_tls_never_go_without() -> None:
    make_user()
    client = Client()

    client.post("/account/login/", {"login": "alice", "password": PASSWORD}, secure=True)

    for cookie in (client.cookies["sessionid"], client.cookies["csrftoken"]):
        assert cookie["secure"] is True


def test_other_sessions_are_listed_and_ended() -> None:
    make_user()
    here, there = sign_in(), sign_in()

    page = here.get("/account/sessions/").content.decode()
    here.post("/account/sessions/")

    assert page.count("From 127.0.0.1") == 2
    assert page.count(">A browser without a name<") == 2
    assert (who(here), who(there)) == ("alice", "")
    assert "user.sessions.end" in actions()


# --- Application tokens -------------------------------------------------------------------------


def make_token(client: Client, **changed: str) -> str:
    fields = {"title": "laptop", "scope": "write", "days": "90", **changed}
    page = client.post("/settings/tokens", fields).content.decode()
    found = re.search(r"berth_[\w-]+", page)
    assert found, page
    return found.group()


def test_a_token_is_shown_once_and_logs_in() -> None:
    client = browser(make_user())

    secret = make_token(client)

    principal = authenticate(username="$app", password=secret, address="", now=NOW)
    assert (principal.name, principal.scope) == ("alice", "write")
    page = client.get("/settings/tokens").content.decode()
    assert secret not in page
    assert "laptop" in page
    assert "user.token.issue" in actions()


def test_a_token_may_live_for_ever_or_not_long() -> None:
    client = proved(browser(make_user()), PASSWORD)
    make_token(client, title="long", days="never")
    make_token(client, title="short", days="30")

    lifetimes = {
        token.title: token.expires_at and (token.expires_at - token.created_at).days
        for token in AccessToken.objects.all()
    }

    assert lifetimes == {"long": None, "short": 30}


def test_a_token_that_never_expires_asks_for_the_password_and_is_then_made() -> None:
    client = browser(make_user())
    fields = {"title": "long", "scope": "write", "days": "never"}

    asked = client.post("/settings/tokens", fields)

    assert asked.headers["Location"].startswith("/account/reauthenticate/?next=")
    assert not AccessToken.objects.exists()
    client.post(asked.headers["Location"], {"password": "wrong"})
    assert not AccessToken.objects.exists()
    answer = client.post(asked.headers["Location"], {"password": PASSWORD})
    assert AccessToken.objects.get().expires_at is None
    assert "berth_" in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_proof_of_who_one_is_does_not_last() -> None:
    client = proved(browser(make_user()), PASSWORD)
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 600
    session.save()

    asked = client.post("/settings/tokens", {"title": "x", "scope": "read", "days": "never"})

    assert asked.status_code == 302
    assert not AccessToken.objects.exists()


def test_the_title_of_a_token_is_only_text() -> None:
    client = browser(make_user())

    make_token(client, title="<script>alert(1)</script>")

    assert "<script>alert" not in client.get("/settings/tokens").content.decode()


@pytest.mark.parametrize("wrong", [{"title": ""}, {"scope": "root"}, {"days": "7000"}])
def test_a_form_that_is_wrong_makes_no_token(wrong: dict[str, str]) -> None:
    fields = {"title": "laptop", "scope": "write", "days": "90", **wrong}

    answer = browser(make_user()).post("/settings/tokens", fields)

    assert answer.status_code == 422
    assert not AccessToken.objects.exists()


def test_a_token_is_revoked_after_a_question() -> None:
    client = browser(make_user())
    make_token(client)
    token = AccessToken.objects.get()

    question = client.get(f"/settings/tokens/{token.pk}/revoke")
    assert "Revoke the token “laptop”?" in question.content.decode()
    assert AccessToken.objects.exists()
    client.post(f"/settings/tokens/{token.pk}/revoke")

    assert not AccessToken.objects.exists()
    assert "token.revoke" in actions()


def test_nobody_revokes_the_token_of_another() -> None:
    make_token(browser(make_user()))
    token = AccessToken.objects.get()

    answer = browser(make_user("bob")).post(f"/settings/tokens/{token.pk}/revoke")

    assert answer.status_code == 404
    assert AccessToken.objects.exists()


def test_the_list_of_tokens_costs_the_same_for_one_and_for_many(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = browser(make_user())
    for count in (1, 30):
        for number in range(count):
            make_token(client, title=f"t{number}")
        with django_assert_num_queries(5):  # session, user, tokens, offers, and the bell
            client.get("/settings/tokens")


def test_the_settings_and_setup_pages_cost_three_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = browser(make_user("boss", is_superuser=True))

    for page in ("/settings", "/setup"):
        with django_assert_num_queries(3):  # session, user, and the bell
            client.get(page)


# --- Leaving ------------------------------------------------------------------------------------


def leave(client: Client, name: str = "alice") -> str:
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client.post("/settings/delete", {"name": name}).content.decode()


def test_leaving_deletes_the_account_and_keeps_its_name_taken() -> None:
    make_user()
    client = sign_in()

    leave(client)

    assert who(client) == ""
    assert not User.objects.exists()
    assert who(sign_up("alice")) == ""
    assert "user.delete" in actions()


def test_leaving_asks_for_the_password_first() -> None:
    make_user()

    answer = sign_in().post("/settings/delete", {"name": "alice"})

    assert answer.headers["Location"].startswith("/account/reauthenticate/")
    assert User.objects.exists()


def test_leaving_asks_for_the_name() -> None:
    make_user()

    assert "This is not your user name" in leave(sign_in(), "bob")
    assert User.objects.exists()


def test_the_last_owner_of_an_organization_cannot_leave() -> None:
    make_organization("acme", owner=make_user())

    assert "would be left without an owner" in leave(sign_in())
    assert User.objects.exists()


def test_the_last_superuser_cannot_leave() -> None:
    make_user(is_superuser=True)

    assert "without a superuser" in leave(sign_in())


def test_who_has_repositories_cannot_leave() -> None:
    make_user()
    make_repository("alice/web")

    assert "still has repositories" in leave(sign_in())
    assert User.objects.filter(username="alice").exists()
