"""Workloads that log in as robots: by tokens that hold in every respect, and by no others."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.credentials.models import RobotFederation
from accounts.credentials.workloads import issuers
from accounts.credentials.workloads.federation import (
    FederationRefused,
    Workload,
    set_federations,
    trial,
)
from accounts.outgoing.addresses import AddressRefused
from accounts.outgoing.client import Answer
from accounts.users.models import Robot
from accounts.users.services import disable_robot
from tests.odd_oidc_provider import CURVE, MINE, OTHER, SHORT, public_key, signer
from tests.registry.api.management.asking import ask, basic, token
from tests.registry.builders import NOW, make_organization, make_robot

pytestmark = pytest.mark.django_db

ISSUER = "https://ci.example.com"
SUBJECT = "repo:acme/web:ref:refs/heads/main"


class Platform:
    """An issuer, which answers what a test wants."""

    def __init__(self) -> None:
        self.keys: list[Any] = [public_key(MINE)]
        self.about: dict[str, Any] = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
        self.asked: list[str] = []
        self.status = 200
        self.is_whole = True

    def call(self, method: str, url: str, **_: Any) -> Answer:
        self.asked.append(url)
        said = {"keys": self.keys} if url == f"{ISSUER}/keys" else self.about
        return Answer(self.status, "", {}, json.dumps(said).encode(), self.is_whole)

    def token(self, key: Any = MINE, algorithm: str = "RS256", **claims: Any) -> str:
        now = int(time.time())
        said = {"iss": ISSUER, "sub": SUBJECT, "aud": "berth", "iat": now, "exp": now + 300}
        kept = {name: value for name, value in {**said, **claims}.items() if value is not None}
        return signer(key, algorithm)(kept)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    issuers.forget_keys()
    running = Platform()
    monkeypatch.setattr(issuers, "call", running.call)
    monkeypatch.setattr(issuers, "parse_address", lambda *_: None)
    yield running
    issuers.forget_keys()


@pytest.fixture
def robot(platform: Platform) -> Robot:
    made = make_robot(make_organization("acme"))
    set_federations(robot=made, workloads=[Workload(ISSUER, SUBJECT)], now=NOW)
    return made


def log_in(secret: str, name: str = "acme+ci") -> int:
    return Client().get("/v2/auth", headers=basic(name, secret)).status_code


def test_a_workload_logs_in_where_images_are_pushed(robot: Robot, platform: Platform) -> None:
    answer = Client().get("/v2/auth", headers=basic("acme+ci", platform.token()))

    claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    assert claims["sub"] == "acme+ci"


def test_what_a_workload_buys_ends_with_its_token(robot: Robot, platform: Platform) -> None:
    brought = platform.token(exp=int(time.time()) + 60)
    answer = Client().get("/v2/auth", headers=basic("acme+ci", brought))

    assert answer.json()["expires_in"] <= 60


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example.com"},
        {"iss": f"{ISSUER}/"},
        {"iss": None},
        {"sub": "repo:acme/other:ref:refs/heads/main"},
        {"sub": f"{SUBJECT}-2"},
        {"sub": f"x{SUBJECT}"},
        {"sub": None},
        {"aud": "https://other.example.com"},
        {"aud": None},
        {"aud": []},
        {"exp": 1},
        {"exp": None},
        {"exp": "never"},
        {"exp": 1e400},
        {"iat": int(time.time()) + 36_000},
        {"nbf": int(time.time()) + 36_000},
    ],
)
def test_a_token_that_claims_otherwise_logs_nobody_in(
    robot: Robot, platform: Platform, claims: dict[str, Any]
) -> None:
    assert log_in(platform.token(**claims)) == 401


def test_a_token_of_another_key_logs_nobody_in(robot: Robot, platform: Platform) -> None:
    assert log_in(platform.token(OTHER)) == 401


def test_a_token_of_a_short_key_logs_nobody_in(robot: Robot, platform: Platform) -> None:
    platform.keys = [public_key(SHORT)]

    with pytest.warns(Warning, match="key"):
        brought = platform.token(SHORT)
    assert log_in(brought) == 401


def test_an_elliptic_key_is_as_good(robot: Robot, platform: Platform) -> None:
    platform.keys = [public_key(CURVE)]

    assert log_in(platform.token(CURVE, "ES256")) == 200


def _joined(*parts: dict[str, Any]) -> str:
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    return ".".join(part.rstrip("=") for part in encoded)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256"])
def test_a_token_without_a_signature_logs_nobody_in(
    robot: Robot, platform: Platform, algorithm: str
) -> None:
    claims = jwt.decode(platform.token(), options={"verify_signature": False})

    assert log_in(_joined({"alg": algorithm, "typ": "JWT", "kid": "k-1"}, claims) + ".") == 401


def test_the_public_key_signs_nothing(robot: Robot, platform: Platform) -> None:
    claims = jwt.decode(platform.token(), options={"verify_signature": False})
    head = _joined({"alg": "HS256", "typ": "JWT", "kid": "k-1"}, claims)
    secret = MINE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mac = hmac.new(secret, head.encode(), hashlib.sha256).digest()
    assert log_in(f"{head}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}") == 401


@pytest.mark.parametrize("kid", ["../../keys", "https://evil.example.com/keys", "k-1' OR 1=1", ""])
def test_the_name_of_a_key_leads_nowhere(robot: Robot, platform: Platform, kid: str) -> None:
    claims = jwt.decode(platform.token(), options={"verify_signature": False})
    brought = signer(OTHER, kid=kid, jku="https://evil.example.com", jwk=public_key(OTHER))(claims)

    assert log_in(brought) == 401
    assert set(platform.asked) == {f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"}


@pytest.mark.parametrize(
    ("about", "keys", "status", "is_whole"),
    [
        ({"issuer": "https://evil.example.com"}, [public_key(MINE)], 200, True),
        ({"jwks_uri": "http://ci.example.com/keys"}, [public_key(MINE)], 200, True),
        ({"jwks_uri": 7}, [public_key(MINE)], 200, True),
        ({}, [], 200, True),
        ({}, ["x", 7, None, {"kid": ["k-1"]}], 200, True),
        ({}, [public_key(MINE)], 500, True),
        ({}, [public_key(MINE)], 200, False),  # longer than what is read
        ({}, [[]] * 20_000, 200, True),
    ],
)
def test_an_issuer_that_answers_badly_vouches_for_nobody(
    robot: Robot, platform: Platform, about: Any, keys: Any, status: int, is_whole: bool
) -> None:
    platform.about |= about
    platform.keys, platform.status, platform.is_whole = keys, status, is_whole

    assert log_in(platform.token()) == 401


def test_keys_are_asked_for_once(robot: Robot, platform: Platform) -> None:
    assert [log_in(platform.token()) for _ in range(3)] == [200, 200, 200]
    assert len(platform.asked) == 2


def test_a_key_that_came_later_is_looked_for(
    robot: Robot, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(platform.token())
    platform.keys = [public_key(OTHER, kid="k-2")]
    monkeypatch.setattr(issuers, "RETRY_SECONDS", 0.0)
    claims = jwt.decode(platform.token(), options={"verify_signature": False})

    assert log_in(signer(OTHER, kid="k-2")(claims)) == 200


def test_unknown_keys_do_not_make_us_ask_without_end(robot: Robot, platform: Platform) -> None:
    claims = jwt.decode(platform.token(), options={"verify_signature": False})
    for number in range(5):
        log_in(signer(OTHER, kid=f"n-{number}")(claims))

    assert len(platform.asked) == 2


def test_an_issuer_that_falls_silent_is_believed_for_a_day(
    robot: Robot, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(platform.token())
    platform.status = 503
    now = time.monotonic()
    hours = []
    for hour in (2, 25):
        monkeypatch.setattr(issuers, "_now", lambda hour=hour: now + hour * 3600)
        hours.append(log_in(platform.token()))

    assert hours == [200, 401]


def test_nobody_is_asked_whom_nobody_trusts(platform: Platform) -> None:
    make_robot(make_organization("acme"))

    assert [log_in(platform.token()), log_in(platform.token(), "acme+none")] == [401, 401]
    assert platform.asked == []


@pytest.mark.parametrize(
    ("pattern", "is_trusted"),
    [
        ("repo:acme/web:*", True),
        ("repo:acme/*:ref:refs/heads/main", True),
        ("repo:*web*main", True),
        ("repo:acme/web:ref:refs/heads/main*", True),
        ("repo:acme/we.:*", False),
        ("repo:acme/*:ref:refs/tags/*", False),
        ("repo:acme/web", False),
        ("repo:acme/web:*x", False),
    ],
)
def test_a_star_stands_for_any_text(
    robot: Robot, platform: Platform, pattern: str, is_trusted: bool
) -> None:
    set_federations(robot=robot, workloads=[Workload(ISSUER, pattern)], now=NOW)

    assert log_in(platform.token()) == (200 if is_trusted else 401)


def test_many_stars_take_no_time(robot: Robot, platform: Platform) -> None:
    pattern = "r" + "*a" * 200 + "*z"
    set_federations(robot=robot, workloads=[Workload(ISSUER, pattern)], now=NOW)
    begun = time.process_time()

    log_in(platform.token(sub="r" + "a" * 1500))
    assert time.process_time() - begun < 2


def test_an_audience_of_ones_own_takes_the_place_of_ours(robot: Robot, platform: Platform) -> None:
    set_federations(robot=robot, workloads=[Workload(ISSUER, SUBJECT, "sts")], now=NOW)

    assert [log_in(platform.token(aud=aud)) for aud in ("sts", ["x", "sts"], "berth")] == [
        *(200, 200, 401)
    ]


def test_a_disabled_robot_logs_in_by_no_token(robot: Robot, platform: Platform) -> None:
    disable_robot(robot=robot, now=NOW)

    assert log_in(platform.token()) == 403


def test_what_was_bought_is_worthless_once_the_workload_is_not_trusted(
    robot: Robot, platform: Platform
) -> None:
    bought = Client().get("/v2/auth", headers=basic("acme+ci", platform.token())).json()["token"]
    bearer = {"Authorization": f"Bearer {bought}"}
    before = Client().get("/v2/", headers=bearer).status_code
    set_federations(robot=robot, workloads=[], now=NOW)

    assert (before, Client().get("/v2/", headers=bearer).status_code) == (200, 401)


def exchanged(platform: Platform) -> str:
    answer = Client().get(
        "/oauth2/federation/robot/token", headers=basic("acme+ci", platform.token())
    )
    return str(answer.json()["token"])


def test_a_token_is_exchanged_for_one_of_ours_that_logs_in(
    robot: Robot, platform: Platform
) -> None:
    ours = exchanged(platform)
    claims = jwt.decode(ours, options={"verify_signature": False})

    assert log_in(ours) == 200
    assert claims["exp"] - claims["iat"] == 3600


def test_a_token_of_ours_is_for_its_robot_alone(robot: Robot, platform: Platform) -> None:
    ours = exchanged(platform)
    other = make_robot(robot.namespace.organization, "other")
    set_federations(robot=other, workloads=[Workload(ISSUER, SUBJECT)], now=NOW)

    assert log_in(ours, "acme+other") == 401


def test_a_token_of_ours_ends_with_the_trust(robot: Robot, platform: Platform) -> None:
    ours = exchanged(platform)
    set_federations(robot=robot, workloads=[], now=NOW)

    assert log_in(ours) == 401


def test_a_token_of_ours_is_no_bearer_token(robot: Robot, platform: Platform) -> None:
    bearer = {"Authorization": f"Bearer {exchanged(platform)}"}

    assert Client().get("/v2/", headers=bearer).status_code == 401


def test_a_bearer_token_is_no_password(robot: Robot, platform: Platform) -> None:
    bought = Client().get("/v2/auth", headers=basic("acme+ci", platform.token())).json()["token"]

    assert log_in(bought) == 401


@pytest.mark.parametrize("secret", ["nothing", "eyJ.eyJ.x", "eyJhbGciOiJSUzI1NiJ9..", "e" * 9000])
def test_what_is_no_token_is_exchanged_for_nothing(robot: Robot, secret: str) -> None:
    answer = Client().get("/oauth2/federation/robot/token", headers=basic("acme+ci", secret))

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "issuer",
    [
        "http://ci.example.com",
        "https://127.0.0.1",
        "https://10.0.0.1/x",
        "https://[::1]/",
        "https://ci.example.com?x=1",
        "ci.example.com",
        "",
    ],
)
def test_an_issuer_that_may_not_be_asked_is_refused(issuer: str) -> None:
    robot = make_robot(make_organization("acme"))

    with pytest.raises(AddressRefused):
        set_federations(robot=robot, workloads=[Workload(issuer, SUBJECT)], now=NOW)


@pytest.mark.parametrize("subject", ["", "*", "*:main", "a\nb", "s" * 501])
def test_a_subject_that_says_nothing_is_refused(robot: Robot, subject: str) -> None:
    with pytest.raises(FederationRefused):
        set_federations(robot=robot, workloads=[Workload(ISSUER, subject)], now=NOW)


def test_the_api_replaces_what_is_trusted(robot: Robot) -> None:
    client = Client(headers=token("acme-owner"), raise_request_exception=False)
    path = "/organization/acme/robots/ci/federation"
    wanted = [{"issuer": ISSUER, "subject": "a"}, {"issuer": ISSUER, "subject": "b"}]

    said = [{**one, "isExpanded": False} for one in wanted]
    assert ask(client, "POST", path, said) == (200, wanted)
    assert ask(client, "GET", path) == (200, wanted)
    assert ask(client, "DELETE", path)[0] == 204
    assert ask(client, "GET", path) == (200, [])


@pytest.mark.parametrize("said", [{}, "x", [1], [{"issuer": ISSUER}], [{"subject": "a"}]])
def test_the_api_refuses_what_is_no_list_of_workloads(robot: Robot, said: Any) -> None:
    client = Client(headers=token("acme-owner"), raise_request_exception=False)

    assert ask(client, "POST", "/organization/acme/robots/ci/federation", said)[0] == 400
    assert RobotFederation.objects.get().subject == SUBJECT


def test_a_change_is_written_down(robot: Robot) -> None:
    event = AuditEvent.objects.get(action="robot.federation")

    assert (event.target, event.facts["workloads"]) == ("acme+ci", 1)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({}, "it logs in"),
        ({"iss": "https://evil.example.com"}, "does not trust this issuer"),
        ({"sub": "repo:acme/other"}, f"none of {SUBJECT}"),
        ({"aud": "sts"}, "not for berth"),
        ({"exp": 1}, "do not hold"),
    ],
)
def test_a_trial_says_what_is_wrong_with_a_token(
    robot: Robot, platform: Platform, claims: dict[str, Any], said: str
) -> None:
    *_, (is_good, sentence) = trial(robot, platform.token(**claims))

    assert said in sentence
    assert is_good is (not claims)
