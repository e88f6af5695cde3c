"""Accounts where mail is sent: verified addresses, and passwords that were forgotten."""

import re
import smtplib
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.users.models import User
from accounts.users.services import change_email, change_password, create_user, disable_user
from tests.registry.builders import NOW, PASSWORD, make_user
from tests.ui.accounts.test_accounts import NEW, sign_in, sign_up, who

pytestmark = pytest.mark.django_db

OTHER = "another tall ship 9"


@pytest.fixture(autouse=True)
def _mails(settings: Settings) -> None:
    cache.clear()
    settings.FEATURE_MAILING = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
    settings.MFA_ALLOW_UNVERIFIED_EMAIL = False


def code_in(message: EmailMessage) -> str:
    found = re.search(r"^[A-Z0-9]+-?[A-Z0-9]+$", str(message.body), re.MULTILINE)
    assert found, message.body
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


def test_signing_up_with_an_address_in_use_asks_only_its_owner(
    mailoutbox: list[EmailMessage],
) -> None:
    with_address()

    client = sign_up("mallory", email="alice@example.com")

    assert who(client) == ""
    assert mailoutbox[0].to == ["alice@example.com"]
    assert "the account mallory wants to use this e-mail address" in mailoutbox[0].body


def test_an_address_that_is_verified_cannot_be_verified_for_another_account(
    mailoutbox: list[EmailMessage],
) -> None:
    with_address()
    client = sign_up("alice2", email="alice@example.com")

    client.post("/account/confirm-email/", {"code": code_in(mailoutbox[0])})

    assert who(client) == ""
    verified = EmailAddress.objects.filter(email="alice@example.com", verified=True)
    assert [address.user.username for address in verified] == ["alice"]


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


def test_a_mailed_code_says_whose_it_is_and_how_long_it_is_good(
    mailoutbox: list[EmailMessage],
) -> None:
    with_address()

    Client().post("/account/password/reset/", {"email": "alice@example.com"})

    assert "your account alice." in mailoutbox[0].body
    assert "It is good for 3 minutes." in mailoutbox[0].body


def forgotten(mailoutbox: list[EmailMessage]) -> tuple[Client, str]:
    """A browser that asked for a code to replace alice's password, and the code."""
    client = Client()
    client.post("/account/password/reset/", {"email": "alice@example.com"})
    return client, code_in(mailoutbox[-1])


def replace(client: Client, code: str, password: str = NEW) -> None:
    client.post("/account/password/reset/confirm/", {"code": code})
    passwords = {"password1": password, "password2": password}
    client.post("/account/password/reset/complete/", passwords)


def test_a_code_for_a_new_password_counts_only_where_it_was_asked_for(
    mailoutbox: list[EmailMessage],
) -> None:
    with_address()
    _, code = forgotten(mailoutbox)

    replace(Client(), code)

    assert who(sign_in()) == "alice"


def test_a_code_for_a_new_password_counts_once(mailoutbox: list[EmailMessage]) -> None:
    with_address()
    client, code = forgotten(mailoutbox)
    replace(client, code)

    replace(client, code, "another tall ship 8")

    assert who(sign_in(password=NEW)) == "alice"


def by_themselves(user: User) -> None:
    client = sign_in()
    said = {"oldpassword": PASSWORD, "password1": OTHER, "password2": OTHER}
    client.post("/account/password/change/", said)


def by_another_code(user: User) -> None:
    client = Client()
    EmailAddress.objects.create(user=user, email="a@b.example", verified=True)
    client.post("/account/password/reset/", {"email": "a@b.example"})
    code = re.findall(r"^[A-Z0-9]+-?[A-Z0-9]+$", str(mail.outbox[-1].body), re.MULTILINE)[0]
    replace(client, code, OTHER)


def by_an_administrator(user: User) -> None:
    change_password(user=User.objects.get(pk=user.pk), password=OTHER, now=NOW)


CHANGES = [by_themselves, by_another_code, by_an_administrator]


@pytest.mark.parametrize("change", CHANGES)
def test_a_code_for_a_new_password_ends_when_the_password_changes(
    change: Callable[[User], None], mailoutbox: list[EmailMessage]
) -> None:
    user = with_address()
    client, code = forgotten(mailoutbox)
    change(user)

    replace(client, code)

    assert who(sign_in(password=OTHER)) == "alice"


@pytest.mark.parametrize("change", CHANGES)
def test_a_code_that_was_typed_already_ends_when_the_password_changes(
    change: Callable[[User], None], mailoutbox: list[EmailMessage]
) -> None:
    user = with_address()
    client, code = forgotten(mailoutbox)
    client.post("/account/password/reset/confirm/", {"code": code})
    change(user)

    client.post("/account/password/reset/complete/", {"password1": NEW, "password2": NEW})

    assert who(sign_in(password=OTHER)) == "alice"


def test_a_code_for_a_new_password_ends_when_the_address_changes(
    mailoutbox: list[EmailMessage],
) -> None:
    user = with_address()
    client, code = forgotten(mailoutbox)
    change_email(user=User.objects.get(pk=user.pk), email="new@example.com", now=NOW)
    EmailAddress.objects.create(user=user, email="new@example.com", verified=True, primary=True)

    replace(client, code)

    assert who(sign_in()) == "alice"


def test_an_address_that_an_account_had_brings_no_code_any_more(
    mailoutbox: list[EmailMessage],
) -> None:
    change_email(user=with_address(), email="new@example.com", now=NOW)

    Client().post("/account/password/reset/", {"email": "alice@example.com"})

    assert mailoutbox == []


def test_a_code_for_an_address_ends_when_the_password_changes(
    mailoutbox: list[EmailMessage],
) -> None:
    client = sign_up("carol", email="carol@example.com")
    change_password(user=User.objects.get(username="carol"), password=OTHER, now=NOW)

    client.post("/account/confirm-email/", {"code": code_in(mailoutbox[0])})

    assert who(client) == ""
    assert not EmailAddress.objects.get(user__username="carol").verified


def test_a_new_password_signs_nobody_in_and_takes_no_second_factor_away(
    mailoutbox: list[EmailMessage],
) -> None:
    user = with_address()
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    client, code = forgotten(mailoutbox)

    replace(client, code)

    assert who(client) == ""
    assert who(sign_in(password=NEW)) == ""


def test_a_new_password_opens_no_account_that_is_disabled(mailoutbox: list[EmailMessage]) -> None:
    user = with_address()
    client, code = forgotten(mailoutbox)
    disable_user(user=user, now=NOW)

    replace(client, code)

    assert who(sign_in(password=NEW)) == ""


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


def test_an_address_that_several_name_and_none_has_verified_resets_no_password(
    mailoutbox: list[EmailMessage],
) -> None:
    for name in ("alice", "mallory"):
        create_user(username=name, password=PASSWORD, email="alice@example.com", now=NOW)

    Client().post("/account/password/reset/", {"email": "alice@example.com"})

    assert mailoutbox == []


def test_a_verified_address_resets_the_password_of_who_verified_it(
    mailoutbox: list[EmailMessage],
) -> None:
    create_user(username="mallory", password=PASSWORD, email="alice@example.com", now=NOW)
    with_address()
    client = Client()

    client.post("/account/password/reset/", {"email": "alice@example.com"})
    client.post("/account/password/reset/confirm/", {"code": code_in(mailoutbox[0])})
    client.post("/account/password/reset/complete/", {"password1": NEW, "password2": NEW})

    assert who(sign_in(password=NEW)) == "alice"


FORMS: dict[str, Callable[[Client, str], Any]] = {
    "reset": lambda client, email: client.post("/account/password/reset/", {"email": email}),
    "sign-up": lambda client, email: client.post(
        "/account/signup/",
        {"username": "mallory", "email": email, "password1": NEW, "password2": NEW},
    ),
    "change": lambda client, email: client.post(
        "/account/email/", {"action_add": "", "email": email}
    ),
}


def told(answer: Any, email: str) -> tuple[int, str, dict[str, str], list[str]]:
    """Status, body, headers and cookies, without what is another each time."""
    body = re.sub(r'(csrfmiddlewaretoken" value)="[^"]+"', r"\1", answer.content.decode())
    headers = {name: value for name, value in answer.headers.items() if name != "Expires"}
    return answer.status_code, body.replace(email, "EMAIL"), headers, sorted(answer.cookies)


def visitor(form: str) -> Client:
    if form != "change":
        return Client()
    create_user(username="mallory", password=PASSWORD, email="mallory@example.com", now=NOW)
    EmailAddress.objects.create(
        user=User.objects.get(username="mallory"),
        email="mallory@example.com",
        verified=True,
        primary=True,
    )
    client = sign_in("mallory")
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mails", [True, False], ids=["mail", "no-mail"])
def test_no_form_tells_whether_an_account_has_an_address(
    form: str, mails: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtplib, "SMTP", _no_connection)
    settings.EMAIL_BACKEND = "accounts.mail.services.Outbox"
    if not mails:
        without_mail(settings)
    with_address()

    answers = []
    for email in ("alice@example.com", "erica@example.com"):  # of one length
        with transaction.atomic():
            client = visitor(form)
            with CaptureQueriesContext(connection) as captured:
                answer = FORMS[form](client, email)
            writes = [
                query["sql"].split('"')[1]
                for query in captured
                if query["sql"].startswith(("INSERT", "UPDATE"))
            ]
            page = client.get(answer.headers.get("Location", "/"))
            answers.append([told(answer, email), told(page, email), writes])
            transaction.set_rollback(True)

    assert answers[0] == answers[1]


def without_mail(settings: Settings) -> None:
    settings.FEATURE_MAILING = False
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    settings.ACCOUNT_EMAIL_VERIFICATION = "none"
    settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = False
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
    settings.MFA_ALLOW_UNVERIFIED_EMAIL = True


def _no_connection(*_: object, **__: object) -> None:
    raise AssertionError("a request connects to the mail server")


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


def test_a_new_address_asks_for_the_password_first(mailoutbox: list[EmailMessage]) -> None:
    with_address()
    client = sign_in()
    session = client.session
    session["account_authentication_methods"] = []  # signed in long ago
    session.save()

    client.post("/account/email/", {"action_add": "", "email": "new@example.com"})

    assert mailoutbox == []


def test_a_code_for_a_new_address_is_of_no_use_to_another_account(
    mailoutbox: list[EmailMessage],
) -> None:
    with_address()
    with_address("mallory")
    client = sign_in()
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    client.post("/account/email/", {"action_add": "", "email": "new@example.com"})

    sign_in("mallory").post("/account/confirm-email/", {"code": code_in(mailoutbox[0])})

    assert not EmailAddress.objects.filter(email="new@example.com", verified=True).exists()


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
