"""Signing in through another service, against a real provider of OpenID Connect."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.users.models import User
from accounts.users.services import create_user, disable_user
from config.keys.login_services import LoginService, provider_settings
from tests.oidc_provider import OidcProvider, running_oidc_provider
from tests.registry.builders import NOW, PASSWORD, make_organization, make_user
from tests.ui.accounts.test_accounts import sign_in, who

pytestmark = pytest.mark.django_db
START = "/account/oidc/acme/login/"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    with running_oidc_provider(tmp_path_factory.mktemp("oidc")) as running:
        yield running


@pytest.fixture(autouse=True)
def _configured(settings: Settings, provider: OidcProvider) -> None:
    cache.clear()
    service = LoginService.model_validate(
        {
            "OIDC_SERVER": provider.url,
            "CLIENT_ID": "berth",
            "CLIENT_SECRET": "secret",
            "SERVICE_NAME": "Acme SSO",
        }
    )
    settings.SOCIALACCOUNT_PROVIDERS = provider_settings({"ACME_LOGIN_CONFIG": service})


def start(client: Client, query: str = "") -> str:
    """Begin at Berth; return the address at the provider that it leads to."""
    return client.post(f"{START}{query}").headers["Location"]


def come_back(client: Client, address: str) -> str:
    parts = urlsplit(address)
    answer = client.get(f"{parts.path}?{parts.query}", follow=True)
    return answer.content.decode()


def sign_in_by_service(provider: OidcProvider, subject: str) -> tuple[Client, str]:
    client = Client()
    page = come_back(client, provider.approve(start(client), subject))
    return client, page


def test_the_sign_in_page_offers_the_service() -> None:
    assert "Sign in with Acme SSO" in Client().get("/account/login/").content.decode()


def test_a_new_person_gets_an_account_with_the_claimed_name(provider: OidcProvider) -> None:
    provider.knows(
        "s-1", preferred_username="carol", email="carol@example.com", email_verified=True
    )

    client, _ = sign_in_by_service(provider, "s-1")

    assert who(client) == "carol"
    user = User.objects.get(username="carol")
    assert (user.email, user.namespace.name) == ("carol@example.com", "carol")
    assert not user.has_usable_password()
    assert AuditEvent.objects.get(action="user.create").actor == "carol"


def test_the_same_subject_is_the_same_person_whatever_it_is_called_now(
    provider: OidcProvider,
) -> None:
    provider.knows("s-2", preferred_username="dora")
    sign_in_by_service(provider, "s-2")
    provider.knows("s-2", preferred_username="theodora")

    client, _ = sign_in_by_service(provider, "s-2")

    assert who(client) == "dora"


@pytest.mark.parametrize(
    ("claimed", "offered"),
    [("acme", "acme-2"), ("Élodie Dupont", "elodie-dupont"), ("setup", "setup-2"), ("", "user-2")],
)
def test_a_name_that_is_taken_or_invalid_is_asked_for(
    provider: OidcProvider, claimed: str, offered: str
) -> None:
    make_organization("acme")
    provider.knows("s-3", preferred_username=claimed)

    client, page = sign_in_by_service(provider, "s-3")

    assert "Choose your user name" in page
    assert f'value="{offered}"' in page
    assert who(client) == ""
    client.post("/account/3rdparty/signup/", {"username": "elodie", "email": ""})
    assert who(client) == "elodie"


def test_a_name_that_is_asked_for_obeys_the_same_rules(provider: OidcProvider) -> None:
    make_organization("acme")
    provider.knows("s-4", preferred_username="acme")
    client, _ = sign_in_by_service(provider, "s-4")

    for name in ("acme", "admin", "A B"):
        client.post("/account/3rdparty/signup/", {"username": name, "email": ""})
        assert who(client) == ""


@pytest.mark.parametrize("is_verified", [True, False, "false", None])
def test_an_e_mail_address_never_opens_the_account_of_somebody_else(
    provider: OidcProvider, is_verified: str | bool | None
) -> None:
    create_user(username="alice", password=PASSWORD, email="alice@example.com", now=NOW)
    provider.knows(
        "s-5",
        preferred_username="mallory",
        email="alice@example.com",
        email_verified=is_verified,
    )

    client, _ = sign_in_by_service(provider, "s-5")

    assert who(client) != "alice"
    assert not SocialAccount.objects.filter(user__username="alice").exists()
    assert User.objects.get(email="alice@example.com").username == "alice"


def test_an_unverified_address_is_not_kept(provider: OidcProvider) -> None:
    provider.knows(
        "s-6", preferred_username="erin", email="president@example.com", email_verified=False
    )

    client, _ = sign_in_by_service(provider, "s-6")

    assert who(client) == "erin"
    assert User.objects.get(username="erin").email == ""


def test_an_answer_with_another_state_signs_nobody_in(provider: OidcProvider) -> None:
    provider.knows("s-7", preferred_username="frank")
    client = Client()
    back = provider.approve(start(client), "s-7")

    page = come_back(client, back.replace("state=", "state=x"))

    assert "did not sign you in" in page
    assert who(client) == ""


def test_an_answer_for_another_browser_signs_nobody_in(provider: OidcProvider) -> None:
    provider.knows("s-8", preferred_username="grace")
    mine, theirs = Client(), Client()
    start(theirs)
    back = provider.approve(start(mine), "s-8")

    page = come_back(theirs, back)

    assert "did not sign you in" in page
    assert who(theirs) == ""


def test_an_answer_counts_once(provider: OidcProvider) -> None:
    provider.knows("s-9", preferred_username="heidi")
    client = Client()
    back = provider.approve(start(client), "s-9")
    come_back(client, back)
    client.post("/account/logout/")

    page = come_back(client, back)

    assert "did not sign you in" in page
    assert who(client) == ""


def test_a_code_that_the_provider_did_not_give_signs_nobody_in(provider: OidcProvider) -> None:
    provider.knows("s-10", preferred_username="ivan")
    client = Client()
    back = provider.approve(start(client), "s-10")

    page = come_back(client, back.replace("code=", "code=x"))

    assert "did not sign you in" in page
    assert who(client) == ""


def test_the_code_is_bound_to_the_browser_by_a_challenge() -> None:
    assert "code_challenge_method=S256" in start(Client())


def test_whoever_turns_back_at_the_service_is_told_so(provider: OidcProvider) -> None:
    client = Client()
    address = start(client)
    state = parse_qs(urlsplit(address).query)["state"][0]

    # This provider forgets the state, which the standard asks for (RFC 6749, 4.1.2.1).
    page = come_back(client, f"{provider.deny(address)}&state={state}")

    assert "You cancelled at the service" in page


def test_a_signed_in_person_connects_and_disconnects_the_service(provider: OidcProvider) -> None:
    make_user()
    provider.knows("s-11", preferred_username="whoever")
    client = sign_in()
    client.post("/account/reauthenticate/", {"password": PASSWORD})

    come_back(client, provider.approve(start(client, "?process=connect"), "s-11"))
    account = SocialAccount.objects.get()
    again, _ = sign_in_by_service(provider, "s-11")

    assert account.user.username == "alice"
    assert who(again) == "alice"
    client.post("/account/3rdparty/", {"account": account.pk})
    assert not SocialAccount.objects.exists()
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"user.service.connect", "user.service.disconnect"} <= actions


def test_a_disabled_account_cannot_sign_in_through_the_service(provider: OidcProvider) -> None:
    provider.knows("s-12", preferred_username="judy")
    sign_in_by_service(provider, "s-12")
    disable_user(user=User.objects.get(username="judy"), now=NOW)

    client, page = sign_in_by_service(provider, "s-12")

    assert who(client) == ""
    assert "This account is disabled" in page


def test_without_sign_up_only_known_people_come_in(
    provider: OidcProvider, settings: Settings
) -> None:
    provider.knows("s-13", preferred_username="kim")
    provider.knows("s-14", preferred_username="leo")
    sign_in_by_service(provider, "s-13")
    settings.FEATURE_USER_CREATION = False

    known, _ = sign_in_by_service(provider, "s-13")
    unknown, page = sign_in_by_service(provider, "s-14")

    assert (who(known), who(unknown)) == ("kim", "")
    assert "Accounts are made by administrators" in page


def test_by_default_services_bring_new_people_and_visitors_make_no_accounts(
    provider: OidcProvider, settings: Settings
) -> None:
    provider.knows("s-15", preferred_username="mia")
    settings.FEATURE_USER_CREATION = None

    new, _ = sign_in_by_service(provider, "s-15")
    closed = Client().get("/account/signup/").content.decode()

    assert who(new) == "mia"
    assert "Accounts are made by administrators" in closed


def test_without_direct_login_passwords_are_not_taken(settings: Settings) -> None:
    make_user()
    settings.FEATURE_DIRECT_LOGIN = False

    page = Client().get("/account/login/").content.decode()

    assert 'name="password"' not in page
    assert "Sign in with Acme SSO" in page
    assert who(sign_in()) == ""
    signed_up = Client().get("/account/signup/").content.decode()
    assert "Accounts are made by administrators" in signed_up


def test_the_name_may_come_in_another_claim(provider: OidcProvider, settings: Settings) -> None:
    service = LoginService.model_validate(
        {
            "OIDC_SERVER": provider.url,
            "CLIENT_ID": "berth",
            "CLIENT_SECRET": "secret",
            "PREFERRED_USERNAME_CLAIM_NAME": "nickname",
        }
    )
    settings.SOCIALACCOUNT_PROVIDERS = provider_settings({"ACME_LOGIN_CONFIG": service})
    provider.knows("s-15", preferred_username="x-y-z", nickname="mia")

    client, _ = sign_in_by_service(provider, "s-15")

    assert who(client) == "mia"


@pytest.fixture
def other(settings: Settings, provider: OidcProvider) -> str:
    """A second service, which is hostile. Its start page."""
    services = {
        f"{name}_LOGIN_CONFIG": LoginService.model_validate(
            {"OIDC_SERVER": provider.url, "CLIENT_ID": name, "CLIENT_SECRET": "secret"}
        )
        for name in ("ACME", "OTHER")
    }
    settings.SOCIALACCOUNT_PROVIDERS = provider_settings(services)
    return "/account/oidc/other/login/"


def test_an_answer_of_one_service_is_none_of_another(provider: OidcProvider, other: str) -> None:
    """Else a hostile service could make Berth hand it codes of another one."""
    provider.knows("s-20", preferred_username="olivia")
    client = Client()
    back = provider.approve(start(client), "s-20")

    page = come_back(client, back.replace("/oidc/acme/", "/oidc/other/"))

    assert "did not sign you in" in page
    assert who(client) == ""


def test_one_subject_of_two_services_is_two_people(provider: OidcProvider, other: str) -> None:
    provider.knows("s-21", preferred_username="peggy")
    sign_in_by_service(provider, "s-21")
    provider.knows("s-21", preferred_username="mallory")
    client = Client()

    come_back(client, provider.approve(client.post(other).headers["Location"], "s-21"))

    assert who(client) == "mallory"
