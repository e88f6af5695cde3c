"""``/v2/auth``: credentials of every wrong kind, and guessing them."""

import base64
import contextlib

import pytest

from tests.conformance.client import Answer, Client, Headers
from tests.conformance.repository import Repository
from tests.conformance.wire import Wire


def basic(value: str | bytes) -> Headers:
    raw = value if isinstance(value, bytes) else value.encode()
    return [("Authorization", "Basic " + base64.b64encode(raw).decode())]


def stranger(alice: Client, number: int) -> Client:
    """A caller from an address of its own, so that failed logins slow down nobody else."""
    return Client(alice.host, alice.username, alice.password, f"127.77.0.{number}")


def ask(client: Client, headers: Headers) -> Answer:
    return client.send("GET", f"/v2/auth?service={client.service}", headers=headers)


def test_wrong_name_and_wrong_password_say_the_same(alice: Client) -> None:
    client = stranger(alice, 1)

    name = ask(client, basic(f"nobody-here:{alice.password}"))
    password = ask(client, basic(f"{alice.username}:wrong"))

    assert (name.status, name.code) == (password.status, password.code) == (401, "UNAUTHORIZED")
    assert name.body == password.body


WRONG_CREDENTIALS: list[str | bytes] = [
    "",
    ":",
    "{name}:",
    ":{password}",
    "{name}",
    "{name}:{password} ",
    " {name}:{password}",
    "{name}\0:{password}",
    "{name}:{password}\0",
    "{upper}:{password}",
    "$app:",
    "$app:x",
    "$app:{password}",
    "{name}+ci:x",
    "{name}+:{password}",
    "+{name}:{password}",
    "\u00e9:\u00e9",
    b"\xff\xfe:\xff",
    b"\xc3(:x",
    "{name}:" + "x" * 5000,
    "x" * 5000 + ":y",
    "admin' or '1'='1:x",
]


@pytest.mark.parametrize("number", range(len(WRONG_CREDENTIALS)))
def test_wrong_credentials_get_no_token(number: int, alice: Client) -> None:
    client, value = stranger(alice, 10 + number), WRONG_CREDENTIALS[number]
    if isinstance(value, str):
        value = value.format(
            name=alice.username, password=alice.password, upper=alice.username.upper()
        )

    answer = ask(client, basic(value))

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert "token" not in answer.json()


FORMLESS = [
    "Basic",
    "Basic ",
    "Basic !!!",
    "Basic YQ",
    "Basic Zm9v====",
    "Basic \xff",
    "Basic a b c",
    "Bearer x",
    "Bearer ",
    "Negotiate x",
    "Digest username=x",
    "nonsense",
    "Basic" + "A" * 4000,
]


@pytest.mark.parametrize("number", range(len(FORMLESS)))
def test_credentials_in_no_form_are_refused(number: int, alice: Client) -> None:
    answer = ask(stranger(alice, 50 + number), [("Authorization", FORMLESS[number])])

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


def test_the_name_of_the_scheme_may_be_written_anyhow(alice: Client) -> None:
    value = alice.basic()[0][1].partition(" ")[2]

    for scheme in ("basic", "BASIC", "Basic"):
        assert ask(alice, [("Authorization", f"{scheme} {value}")]).status == 200


def test_an_oversized_header_is_refused_without_harm(alice: Client) -> None:
    with Wire(alice.host) as wire:
        wire.begin("GET", "/v2/auth", [("Authorization", "Basic " + "A" * 900_000)])
        with contextlib.suppress(ConnectionError):
            assert wire.read().status == 431
    assert ask(alice, alice.basic()).status == 200


def test_guessing_passwords_is_slowed_for_who_guesses_only(
    alice: Client, anonymous: Client, public: Repository
) -> None:
    """Section "Error Codes": a 429 says when to try again."""
    guesser = stranger(alice, 200)

    answers = [ask(guesser, basic(f"{alice.username}:guess{n}")) for n in range(60)]

    assert {answer.status for answer in answers} == {401, 429}
    assert answers[-1].code == "TOOMANYREQUESTS"
    assert int(answers[-1].header("Retry-After")) >= 1
    assert ask(alice, alice.basic()).status == 200
    assert anonymous.ask_token(f"repository:{public.name}:pull").status == 200


def test_wrong_basic_credentials_open_nothing(alice: Client) -> None:
    answer = stranger(alice, 210).send("GET", "/v2/", headers=basic(f"{alice.username}:wrong"))

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
