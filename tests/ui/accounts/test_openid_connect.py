"""A provider of OpenID Connect that lies, errs or dawdles signs nobody in, and holds nobody up."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts.users.models import User
from accounts.users.services import create_user
from config.keys.login_services import LoginService, provider_settings
from tests.odd_oidc_provider import (
    CONFIGURATION,
    CURVE,
    MINE,
    OTHER,
    SHORT,
    OddProvider,
    drips,
    leads_to,
    odd_provider,
    pours,
    public_key,
    says,
    signer,
)
from tests.registry.builders import NOW, PASSWORD
from tests.ui.accounts.test_accounts import who
from ui.accounts import service_calls

pytestmark = pytest.mark.django_db
START = "/account/oidc/acme/login/"
FAILED = "did not sign you in"


@pytest.fixture
def provider(settings: Settings) -> Iterator[OddProvider]:
    cache.clear()
    with odd_provider() as running:
        configure(settings, OIDC_SERVER=running.url)
        yield running


def configure(settings: Settings, **more: Any) -> None:
    service = LoginService.model_validate(
        {"CLIENT_ID": "berth", "CLIENT_SECRET": "secret", "SERVICE_NAME": "Acme SSO", **more}
    )
    settings.SOCIALACCOUNT_PROVIDERS = provider_settings({"ACME_LOGIN_CONFIG": service})


def sign_in(provider: OddProvider, more: str = "") -> tuple[Client, str]:
    client = Client()
    begun = client.post(START)
    if begun.status_code != 302:
        return client, begun.content.decode()
    back = urlsplit(provider.approve(begun.headers["Location"]) + more)
    answer = client.get(f"{back.path}?{back.query}", follow=True)
    return client, answer.content.decode()


def test_a_provider_that_keeps_to_the_standard_signs_people_in(provider: OddProvider) -> None:
    client, _ = sign_in(provider)

    assert who(client) == "carol"


def unsigned(claims: dict[str, Any]) -> str:
    parts = [{"alg": "none", "kid": "k-1"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return (b".".join(encoded) + b".").decode()


def changed_after_signing(claims: dict[str, Any]) -> str:
    header, _, signature = signer(MINE)(claims).split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "s-1"}).encode()).rstrip(b"=")
    return f"{header}.{other.decode()}.{signature}"


@pytest.mark.parametrize(
    "sign",
    [
        unsigned,
        changed_after_signing,
        signer(OTHER),
        signer("secret" * 8, "HS256"),
        signer(json.dumps(public_key(MINE)), "HS256"),
        signer(MINE, kid="another"),
        signer(MINE, "RS256", alg="none"),
        signer(CURVE, "ES256"),
        lambda _: "no token",
        lambda _: "",
        lambda _: "a.b.c",
        lambda _: None,
        lambda _: {"a": 1},
        lambda _: base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".e30.e30",
    ],
)
def test_an_identity_that_no_key_of_the_provider_signed_is_refused(
    provider: OddProvider, sign: Callable[[dict[str, Any]], str]
) -> None:
    provider.sign = sign

    client, page = sign_in(provider)

    assert (who(client), FAILED in page) == ("", True)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"iss": ["a"]},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"aud": ["berth", "another"]},
        {"aud": ["berth", "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"exp": 1e300, "iat": 1e300},
        {"iat": 9_999_999_999, "exp": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"nonce": None},
        {"nonce": "another"},
        {"nonce": 7},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "s" * 300},
        {"sub": "a\x00b"},
        {"sub": "another"},
    ],
)
def test_an_identity_for_another_time_place_or_question_is_refused(
    provider: OddProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims

    client, page = sign_in(provider)

    assert (who(client), FAILED in page) == ("", True)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "keys",
    [
        [],
        None,
        "keys",
        [None, 1, []],
        [{}],
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "k-1"}],
        [public_key(MINE, use="enc")],
        [public_key(MINE, alg="PS256")],
        [public_key(MINE) | {"n": "AQAB"}],
        [public_key(OTHER)] * 10_000,
    ],
)
def test_a_provider_without_the_key_signs_nobody_in(provider: OddProvider, keys: Any) -> None:
    provider.keys = keys

    client, page = sign_in(provider)

    assert (who(client), FAILED in page) == ("", True)


def test_a_short_key_signs_nobody_in(provider: OddProvider) -> None:
    provider.keys, provider.sign = [public_key(SHORT)], signer(SHORT)

    client, page = sign_in(provider)

    assert (who(client), FAILED in page) == ("", True)


@pytest.mark.parametrize(
    ("keys", "sign"),
    [
        ([public_key(CURVE)], signer(CURVE, "ES256")),
        ([public_key(MINE)], signer(MINE, "PS512")),
        ([public_key(OTHER), public_key(MINE, alg="RS256")], signer(MINE)),
        ([public_key(OTHER, kid="k-0"), {"kty": "new"}, public_key(MINE)], signer(MINE)),
        ([public_key(MINE, kid=None)], signer(MINE, kid=None)),
        ([public_key(MINE, kid="any", use="sig")], signer(MINE, kid=None)),
    ],
)
def test_keys_and_signatures_of_every_usual_kind_sign_people_in(
    provider: OddProvider, keys: list[dict[str, Any]], sign: Callable[[dict[str, Any]], str]
) -> None:
    provider.keys, provider.sign = keys, sign

    client, _ = sign_in(provider)

    assert who(client) == "carol"


def test_clocks_may_differ_by_seconds(provider: OddProvider) -> None:
    now = int(time.time())
    provider.claims = {"iat": now + 30, "nbf": now + 30, "exp": now - 30}

    client, _ = sign_in(provider)

    assert who(client) == "carol"


@pytest.mark.parametrize("path", [CONFIGURATION, "/keys", "/token_endpoint", "/userinfo_endpoint"])
@pytest.mark.parametrize(
    "answer",
    [
        says(b""),
        says(b"<html>"),
        says(b"[]"),
        says(b"null"),
        says(b"{}"),
        says(b'{"sub": 1, "keys": {}, "access_token": [], "issuer": 1}'),
        says(b"[" * 100_000),
        says(b'{"a":' * 1_000 + b"1" + b"}" * 1_000),
        says(b"\xff\xfe"),
        says(b"{}", 500),
        says(b"", 204),
        pours,
        leads_to("/" * 3),
    ],
)
def test_an_answer_that_is_none_is_told(
    provider: OddProvider, path: str, answer: Callable[[Any], None]
) -> None:
    provider.answers[path] = answer

    client, page = sign_in(provider)

    assert (who(client), FAILED in page) == ("", True)


@pytest.mark.parametrize("path", [CONFIGURATION, "/keys", "/token_endpoint", "/userinfo_endpoint"])
@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_service_that_dawdles_is_not_waited_for(
    provider: OddProvider, monkeypatch: pytest.MonkeyPatch, path: str, beginning: bytes
) -> None:
    monkeypatch.setattr(service_calls, "CALL_SECONDS", 0.3)
    provider.answers[path] = drips(beginning)

    began = time.monotonic()
    client, page = sign_in(provider)

    assert time.monotonic() - began < 5
    assert (who(client), FAILED in page) == ("", True)


def test_a_service_that_is_gone_is_told(settings: Settings) -> None:
    with odd_provider() as gone:
        configure(settings, OIDC_SERVER=gone.url)

    answer = Client().post(START)

    assert (answer.status_code, FAILED in answer.content.decode()) == (502, True)


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": 7},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "ldap://x"},
        {"userinfo_endpoint": None},
    ],
)
def test_a_configuration_that_speaks_of_something_else_signs_nobody_in(
    provider: OddProvider, about: dict[str, Any]
) -> None:
    provider.about = about

    client, page = sign_in(provider)

    assert (who(client), FAILED in page) == ("", True)


def test_an_encrypted_provider_leads_to_nothing_that_is_not(
    provider: OddProvider, settings: Settings
) -> None:
    configure(settings, OIDC_SERVER=provider.url, OIDC_ISSUER="https://sso.example.com")
    provider.about, provider.claims = (
        {"issuer": "https://sso.example.com"},
        {"iss": "https://sso.example.com"},
    )

    _, page = sign_in(provider)

    assert FAILED in page  # anybody on the way may change such keys


def test_a_name_of_its_own_is_what_its_tokens_say(
    provider: OddProvider, settings: Settings
) -> None:
    name = "http://sso.example.com/realms/acme"
    configure(settings, OIDC_SERVER=provider.url, OIDC_ISSUER=name)
    provider.about, provider.claims = {"issuer": name}, {"iss": name}

    client, _ = sign_in(provider)

    assert who(client) == "carol"


def test_the_answer_says_which_service_gave_it(provider: OddProvider) -> None:
    client, page = sign_in(provider, "&iss=https://evil.example")

    assert (who(client), FAILED in page) == ("", True)
    assert "/token_endpoint" not in provider.asked


def test_our_secret_follows_no_redirect(provider: OddProvider) -> None:
    provider.answers["/token_endpoint"] = leads_to(f"{provider.url}/elsewhere")

    client, _ = sign_in(provider)

    assert (who(client), "/elsewhere" in provider.asked) == ("", False)


def test_a_visitor_adds_nothing_to_what_the_service_is_asked(provider: OddProvider) -> None:
    more = "auth_params=redirect_uri%3Dhttps://evil.example%26nonce%3D1"

    address = Client().post(f"{START}?{more}").headers["Location"]

    asked = parse_qs(urlsplit(address).query)
    assert asked["redirect_uri"] == ["http://testserver/account/oidc/acme/login/callback/"]
    assert asked["nonce"] == asked["code_challenge"]


@pytest.mark.parametrize("claim", [7, True, None, ["a"], {"a": 1}, "\ud800", "a" * 5000, "a\x00b"])
@pytest.mark.parametrize("name", ["preferred_username", "email", "name", "email_verified"])
def test_a_claim_that_is_no_text_is_left_out(
    provider: OddProvider, name: str, claim: object
) -> None:
    provider.user |= {"email": "c@example.com", "email_verified": True, name: claim}

    _, page = sign_in(provider)

    assert FAILED not in page


def test_only_words_are_kept_of_what_a_service_says(provider: OddProvider) -> None:
    provider.user |= {"groups": ["a"] * 100, "picture": "x" * 100_000, "name": "Carol"}

    sign_in(provider)

    kept = SocialAccount.objects.get().extra_data["userinfo"]
    assert kept == {"sub": "s-1", "preferred_username": "carol", "name": "Carol"}


def test_an_address_that_another_account_has_is_not_dropped_in_silence(
    provider: OddProvider,
) -> None:
    create_user(username="alice", password=PASSWORD, email="alice@example.com", now=NOW)
    provider.user |= {"email": "Alice@example.com", "email_verified": True}

    client, page = sign_in(provider)

    assert (who(client), User.objects.get(username="carol").email) == ("carol", "")
    assert "Alice@example.com, which Acme SSO names, belongs to another account." in page


def test_whoever_does_not_own_an_address_does_not_learn_whether_an_account_has_it(
    provider: OddProvider,
) -> None:
    create_user(username="alice", password=PASSWORD, email="alice@example.com", now=NOW)
    provider.user |= {"email": "alice@example.com"}

    _, page = sign_in(provider)

    assert "Acme SSO has not verified alice@example.com." in page


def test_what_vouches_for_one_address_vouches_for_no_other(provider: OddProvider) -> None:
    provider.claims = {"email": "mine@example.com", "email_verified": True}
    provider.user |= {"email": "president@example.com"}

    sign_in(provider)

    assert User.objects.get(username="carol").email == ""
