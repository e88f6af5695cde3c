"""``POST /v2/auth``: the OAuth2 form that containerd and helm send first."""

from urllib.parse import urlencode

import pytest

from tests.conformance.client import Client, Headers
from tests.conformance.test_credentials import stranger
from tests.conformance.test_tokens import claims_of

FORM: Headers = [("Content-Type", "application/x-www-form-urlencoded")]


def test_the_password_grant_gives_a_token(alice: Client) -> None:
    """What containerd and helm send first."""
    form = {
        "grant_type": "password",
        "service": alice.service,
        "client_id": "containerd-client",
        "username": alice.username,
        "password": alice.password,
        "scope": f"repository:{alice.username}/x:pull,push repository:{alice.username}/y:pull",
    }

    answer = alice.send("POST", "/v2/auth", body=urlencode(form).encode(), headers=FORM)

    assert answer.status == 200
    access = claims_of(answer.json()["access_token"])["access"]
    assert isinstance(access, list)
    assert len(access) == 2


WRONG_FORMS = [  # 400: something is missing or unknown; 401: it is all there and wrong
    ("", 400),
    ("grant_type=", 400),
    ("grant_type=unknown", 400),
    ("grant_type=password", 400),
    ("grant_type=password&username={name}", 400),
    ("grant_type=password&username={name}&password=", 400),
    ("grant_type=password&username=&password={password}", 400),
    ("grant_type=password&password={password}", 400),
    ("grant_type=password&username={name}&password=wrong", 401),
    ("grant_type=password&username=nobody&password={password}", 401),
    ("grant_type=password&username={name}&password={password}&service=other", 400),
    ("grant_type=refresh_token", 400),
    ("grant_type=refresh_token&refresh_token=", 400),
    ("grant_type=refresh_token&refresh_token=x", 401),
    ("grant_type=refresh_token&refresh_token=a.b.c", 401),
    ("grant_type=client_credentials&client_id=a&client_secret=b", 400),
    ("grant_type=authorization_code&code=x", 400),
    ("%ff=%fe&grant_type=%00", 400),
    ("&&&===", 400),
    ("grant_type=password&username=%00&password=%00", 401),
]


@pytest.mark.parametrize("number", range(len(WRONG_FORMS)))
def test_a_wrong_form_gets_no_token(number: int, alice: Client) -> None:
    client = stranger(alice, 100 + number)
    text, status = WRONG_FORMS[number]
    form = text.format(name=alice.username, password=alice.password)

    answer = client.send("POST", "/v2/auth", body=form.encode(), headers=FORM)

    assert answer.status == status


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b'{"grant_type": "password"}', 400),
        ("application/json", b"{", 400),
        ("text/plain", b"grant_type=password", 400),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--", 400),
        ("", b"grant_type=password&username=a&password=b", 401),
        ("application/x-www-form-urlencoded; charset=utf-16", b"\xff\xfe", 400),
        ("application/x-www-form-urlencoded", b"a=b&" * 5000, 400),
        ("application/x-www-form-urlencoded", b"username=" + b"x" * 5_000_000, 413),
    ],
    ids=range(9),
)
def test_a_body_that_is_no_form_gets_no_token(
    content_type: str, body: bytes, status: int, alice: Client
) -> None:
    answer = stranger(alice, 130).send(
        "POST", "/v2/auth", body=body, headers=[("Content-Type", content_type)]
    )

    assert answer.status == status
