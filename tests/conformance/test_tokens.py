"""``/v2/auth``: who gets a token, with what, and in which form."""

import base64
import json
from urllib.parse import urlencode

import pytest

from tests.conformance.client import Client, Headers
from tests.conformance.repository import Repository


def claims_of(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    found: dict[str, object] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return found


def test_a_token_comes_in_the_form_all_clients_read(alice: Client) -> None:
    answer = alice.ask_token()

    assert answer.status == 200
    assert answer.header("Content-Type").split(";")[0] == "application/json"
    document = answer.json()
    assert document["token"] == document["access_token"]
    assert document["expires_in"] >= 60
    assert document["issued_at"].endswith(("Z", "+00:00"))
    assert "refresh_token" not in document
    assert len(document["token"]) < 2000


def test_a_token_says_who_issued_it_for_whom_and_until_when(alice: Client) -> None:
    claims = claims_of(alice.token())

    assert {"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "access"} <= set(claims)
    assert claims["access"] == []


def test_no_two_people_get_the_same_token(alice: Client, bob: Client) -> None:
    assert claims_of(alice.token())["jti"] != claims_of(bob.token())["jti"]


def test_nobody_gets_a_token_for_nothing(anonymous: Client) -> None:
    assert anonymous.ask_token().status == 401


def test_an_anonymous_token_has_no_rights_in_what_is_private(
    anonymous: Client, writable: Repository
) -> None:
    answer = anonymous.ask_token(f"repository:{writable.name}:pull,push")

    assert claims_of(answer.json()["token"])["access"] == []


@pytest.mark.parametrize("extra", ["account=x", "client_id=docker", "offline_token=true", "x=y"])
def test_what_clients_add_to_the_question_is_ignored(extra: str, alice: Client) -> None:
    answer = alice.send("GET", f"/v2/auth?{extra}&service={alice.service}", headers=alice.basic())

    assert answer.status == 200


def test_a_token_asked_for_by_the_host_name_opens_what_is_here(alice: Client) -> None:
    answer = alice.send("GET", f"/v2/auth?service={alice.host}", headers=alice.basic())

    bearer: Headers = [("Authorization", f"Bearer {answer.json()['token']}")]
    assert alice.send("GET", "/v2/", headers=bearer).status == 200


@pytest.mark.parametrize("service", ["other", "'", "a" * 3000])
def test_no_token_is_issued_for_another_service(service: str, alice: Client) -> None:
    query = urlencode({"service": service})
    answer = alice.send("GET", f"/v2/auth?{query}", headers=alice.basic())

    assert (answer.status, answer.code) == (400, "UNSUPPORTED")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "PROPFIND"])
def test_other_methods_are_unsupported(method: str, alice: Client) -> None:
    answer = alice.send(method, "/v2/auth", body=b"", headers=alice.basic())

    assert (answer.status, answer.code) == (405, "UNSUPPORTED")


def test_basic_credentials_open_v2_directly(alice: Client) -> None:
    assert alice.send("GET", "/v2/", headers=alice.basic()).status == 200
