"""Accounts where mail is sent: verified addresses, and passwords that were forgotten."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import Settings

from accounts.users.models import User
from accounts.users.services import create_user
from tests.registry.builders import NOW, PASSWORD, make_user
from tests.ui.test_accounts import NEW, sign_in, sign_up, who

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mails(settings: Settings) -> None:
    cache.clear()
    settings.FEATURE_MAILING = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
    settings.MFA_ALLOW_UNVERIFIED_EMAIL = False


def code_in(mail: EmailMessage) -> str:
    found = re.search(r"^[A-Z0-9]+-?[A-Z0-9]+$", str(mail.body), re.MULTILINE)
    assert found, mail.body
    return found.group()


def with_address(name: str = "alice") -> User:
    user = create_user(username=name, password=PASSWORD, email=f"{name}@example.com", now=NOW)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def test_a_new_account_is_signed_in_once_its_address_is_verified(
    mailoutbox: list[EmailMessage],
) -> None:
    client = sign_up("carol", email="carol@example.com")
    assert who(client) == ""

    client.post("/account/confirm-email/", {"code": code_in(mailoutbox[0])})

    assert who(client) == "carol"
    assert EmailAddress.objects.get(user__username="carol").verified


def test_a_wrong_code_verifies_nothing(mailoutbox: list[EmailMessage]) -> None:
    client = sign_up("carol", email="carol@example.com")

    client.post("/account/confirm-email/", {"code": "WRONG"})

    assert who(client) == ""
    assert not EmailAddress.objects.get(user__username="carol").verified


def test_signing_up_with_an_address_in_use_tells_only_its_owner(
    mailoutbox: list[EmailMessage],
) -> None:
    with_address()

    sign_up("mallory", email="alice@example.com")

    assert not User.objects.filter(username="mallory").exists()
    assert mailoutbox[0].to == ["alice@example.com"]
    assert "tried to create an account" in mailoutbox[0].body


def test_who_has_no_address_signs_in_all_the_same() -> None:
    make_user()

    assert who(sign_in()) == "alice"


def test_a_forgotten_password_is_replaced_with_a_mailed_code(
    mailoutbox: list[EmailMessage],
) -> None:
    with_address()
    elsewhere = sign_in()
    client = Client()

    client.post("/account/password/reset/", {"email": "alice@example.com"})
    client.post("/account/password/reset/confirm/", {"code": code_in(mailoutbox[0])})
    client.post("/account/password/reset/complete/", {"password1": NEW, "password2": NEW})

    assert who(sign_in(password=NEW)) == "alice"
    assert who(elsewhere) == ""


def test_an_unknown_address_gets_no_mail_and_the_same_answer(
    mailoutbox: list[EmailMessage],
) -> None:
    with_address()

    answers = [
        Client().post("/account/password/reset/", {"email": email}).headers["Location"]
        for email in ("alice@example.com", "nobody@example.com")
    ]

    assert answers[0] == answers[1]
    assert [mail.to for mail in mailoutbox] == [["alice@example.com"]]


def test_a_mail_never_holds_the_host_that_a_request_made_up(
    mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    with_address()
    reset, new, taken = (Client(headers={"host": "evil.test"}) for _ in range(3))

    reset.post("/account/password/reset/", {"email": "alice@example.com"})
    fields = {"username": "bob", "email": "bob@example.com", "password1": NEW, "password2": NEW}
    new.post("/account/signup/", fields)
    taken.post("/account/signup/", {**fields, "email": "alice@example.com", "username": "eve"})

    assert len(mailoutbox) == 3
    assert not [mail for mail in mailoutbox if "evil" in str(mail.message())]


def test_a_new_address_counts_once_its_code_was_typed(mailoutbox: list[EmailMessage]) -> None:
    user = with_address()
    client = sign_in()
    client.post("/account/reauthenticate/", {"password": PASSWORD})

    client.post("/account/email/", {"action_add": "", "email": "new@example.com"})
    user.refresh_from_db()
    assert user.email == "alice@example.com"
    client.post("/account/confirm-email/", {"code": code_in(mailoutbox[0])})

    user.refresh_from_db()
    assert user.email == "new@example.com"


def test_a_changed_password_is_told_by_mail(
    mailoutbox: list[EmailMessage], settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    with_address()
    client = sign_in()

    fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/account/password/change/", fields)

    assert "from the address 127.0.0.1" in mailoutbox[0].body


@pytest.mark.parametrize(
    "page",
    ["/account/password/reset/", "/account/email/", "/account/confirm-email/", "/settings"],
)
def test_the_pages_of_mail_have_our_frame(page: str) -> None:
    with_address()
    client = sign_in()
    client.post("/account/reauthenticate/", {"password": PASSWORD})

    text = client.get(page, follow=True).content.decode()

    assert 'class="b-bar"' in text
    assert text.count("<h1") == 1
    assert "style=" not in text
