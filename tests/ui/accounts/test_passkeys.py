"""Passkeys and security keys: what signs in, and what only looks as if it did."""

import json
from typing import Any

import pytest
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache
from django.test import Client
from fido2.utils import websafe_decode, websafe_encode
from pytest_django import Settings

from tests.registry.builders import PASSWORD, make_user
from tests.security_key import PRESENT, SecurityKey, form
from tests.ui.accounts.test_accounts import who

pytestmark = pytest.mark.django_db
ADD = "/account/2fa/webauthn/add/"
LOGIN = "/account/2fa/webauthn/login/"
AGAIN = "/account/2fa/webauthn/reauthenticate/"


@pytest.fixture(autouse=True)
def _at_a_host_that_has_passkeys(settings: Settings) -> None:
    cache.clear()
    settings.SERVER_HOSTNAME = "localhost"


def browser() -> Client:
    return Client(SERVER_NAME="localhost")


def challenge(client: Client) -> str:
    return str(client.session["mfa.webauthn.state"]["challenge"])


def with_key(name: str = "alice", key: SecurityKey | None = None) -> tuple[Client, SecurityKey]:
    """A browser in which somebody has just added a key."""
    user, client = make_user(name), browser()
    client.post("/account/login/", {"login": name, "password": PASSWORD})
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    client.get(ADD)
    key = key or SecurityKey()
    key.handle = user_pk_to_url_str(user)
    client.post(ADD, form(key.register(challenge(client)), name="key"))
    return client, key


def asked() -> tuple[Client, str]:
    client = browser()
    client.get(LOGIN, headers={"X-Requested-With": "XMLHttpRequest"})
    return client, challenge(client)


def test_a_passkey_signs_in() -> None:
    _, key = with_key()
    client, question = asked()

    client.post(LOGIN, form(key.sign(question)))

    assert who(client) == "alice"


def test_an_answer_signs_in_once() -> None:
    _, key = with_key()
    client, question = asked()
    answer = form(key.sign(question))
    client.post(LOGIN, answer)
    client.post("/account/logout/")

    client.post(LOGIN, answer)

    assert who(client) == ""


def test_an_answer_to_another_question_signs_nobody_in() -> None:
    _, key = with_key()
    _, other = asked()
    client, _ = asked()

    client.post(LOGIN, form(key.sign(other)))

    assert who(client) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost.evil.example"},
        {"origin": "http://evil.localhost"},
        {"origin": ""},
        {"place": "evil.example"},
        {"flags": 0},
        {"flags": PRESENT},
        {"name": b"another key"},
        {"handle": "nobody"},
        {"handle": ""},
        {"handle": "\x00"},
    ],
)
def test_an_answer_of_another_place_key_or_person_signs_nobody_in(change: dict[str, Any]) -> None:
    _, key = with_key()
    for name, value in change.items():
        setattr(key, name, value)
    client, question = asked()

    client.post(LOGIN, form(key.sign(question)))

    assert who(client) == ""


def test_a_key_of_somebody_else_is_not_mine() -> None:
    _, mine = with_key("alice", SecurityKey(name=b"a" * 16))
    _, theirs = with_key("bob", SecurityKey(name=b"b" * 16))
    theirs.handle = mine.handle
    client, question = asked()

    client.post(LOGIN, form(theirs.sign(question)))

    assert who(client) == ""


def test_a_signature_by_another_key_signs_nobody_in() -> None:
    _, key = with_key()
    client, question = asked()

    client.post(LOGIN, form(key.sign(question, key=ec.generate_private_key(ec.SECP256R1()))))

    assert who(client) == ""


def test_a_stolen_key_without_its_pin_is_not_enough_where_another_person_was_asked() -> None:
    """The question after mallory's password does not ask for a PIN; without a password it must."""
    with_key("mallory", SecurityKey(name=b"m" * 16))
    _, stolen = with_key("alice", SecurityKey(name=b"a" * 16))
    client = browser()
    client.post("/account/login/", {"login": "mallory", "password": PASSWORD})
    client.get("/account/2fa/authenticate/")
    stolen.flags = PRESENT

    client.post(LOGIN, form(stolen.sign(challenge(client))))

    assert who(client) == ""


def test_beside_a_password_a_touch_is_enough() -> None:
    _, key = with_key()
    client = browser()
    client.post("/account/login/", {"login": "alice", "password": PASSWORD})
    client.get("/account/2fa/authenticate/")
    key.flags = PRESENT

    client.post("/account/2fa/authenticate/", form(key.sign(challenge(client))))

    assert who(client) == "alice"


@pytest.mark.parametrize(
    ("counters", "expected"),
    [([6, 7], "alice"), ([7, 6], ""), ([7, 7], ""), ([5], ""), ([7, 0], "")],
)
def test_a_key_whose_counter_does_not_go_on_is_a_copy(counters: list[int], expected: str) -> None:
    _, key = with_key(key=SecurityKey(counter=5))

    for counter in counters:
        client, question = asked()
        key.counter = counter
        client.post(LOGIN, form(key.sign(question)))

    assert who(client) == expected


def test_a_key_that_does_not_count_goes_on() -> None:
    _, key = with_key()

    for _ in range(2):
        client, question = asked()
        client.post(LOGIN, form(key.sign(question)))
        assert who(client) == "alice"


def test_the_counter_holds_where_a_key_confirms_somebody_again() -> None:
    client, key = with_key(key=SecurityKey(counter=5))
    client.get(AGAIN)

    answer = client.post(AGAIN, form(key.sign(challenge(client))), follow=True)

    assert "This code is wrong" in answer.content.decode()


@pytest.mark.parametrize(
    "change", [{"origin": "http://evil.localhost"}, {"place": "evil.example"}, {"flags": 0}]
)
def test_a_key_made_elsewhere_is_not_added(change: dict[str, Any]) -> None:
    with_key(key=SecurityKey(**change))

    assert not Authenticator.objects.filter(type="webauthn").exists()


def test_of_a_key_only_what_proves_it_is_kept() -> None:
    client, _ = with_key()
    client.get(ADD)
    second = SecurityKey(name=b"2" * 16).register(challenge(client))
    second |= {"more": "x" * 1000}

    client.post(ADD, form(second, name="two"))

    kept = Authenticator.objects.filter(type="webauthn").latest("pk").data["credential"]
    assert set(kept) == {"id", "rawId", "type", "response", "clientExtensionResults"}


def odd(right: dict[str, Any]) -> list[Any]:
    """What is no credential, and credentials with a part that is none."""
    parts: list[Any] = [
        None,
        1,
        [],
        {},
        "",
        "a",
        "\x00",
        "\ud800",
        "=",
        websafe_encode(b"\xff" * 37),
        "A" * 500,
    ]
    found: list[Any] = [None, 1, [], "x", {}, {"response": None}, {"response": []}]
    for name in right:
        found += [{**right, name: part} for part in parts]
    for name in right["response"]:
        found += [{**right, "response": right["response"] | {name: part}} for part in parts]
        content = websafe_decode(right["response"][name])
        for cut in (0, 1, 36, 40, len(content) // 2, len(content) - 1):
            cut_off = {name: websafe_encode(content[:cut])}
            found.append({**right, "response": right["response"] | cut_off})
    return found


def test_what_is_no_credential_is_no_failure_of_ours() -> None:
    owner, key = with_key()
    client, question = asked()
    owner.get(ADD)
    right = key.sign(question)
    new = SecurityKey(name=b"n" * 16).register(challenge(owner))

    answers = []
    for credential in odd(right):
        cache.clear()  # which counts how often that door is knocked at
        answers.append(client.post(LOGIN, form(credential)).status_code)
    answers += [owner.post(ADD, form(credential)).status_code for credential in odd(new)]

    assert set(answers) == {200, 302}


@pytest.mark.parametrize(
    "text", ["", "no json", "[" * 60_000, "1" * 5000, '"' + "x" * 70_000 + '"']
)
def test_what_is_no_json_is_no_failure_of_ours(text: str) -> None:
    client, _ = asked()

    client.post(LOGIN, {"credential": text})

    assert who(client) == ""


def test_a_key_has_a_name_of_some_length() -> None:
    client, _ = with_key()
    client.get(ADD)
    second = SecurityKey(name=b"2" * 16).register(challenge(client))

    client.post(ADD, {"credential": json.dumps(second), "name": "x" * 101})

    assert Authenticator.objects.filter(type="webauthn").count() == 1
