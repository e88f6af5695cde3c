"""Tokens with our own signature over claims that do not hold."""

import json
import time

import pytest

from tests.conformance.client import Client
from tests.conformance.conftest import Claims, Genuine
from tests.conformance.test_forged_tokens import assert_worthless, present
from tests.live import RunningServer

# Signs documents given on standard input with the key that the server itself uses.
SIGN = """
import json, sys
import jwt
from django.utils import timezone
from accounts.credentials.keys import signing_key
key = signing_key(now=timezone.now())
for entry in json.load(sys.stdin):
    headers = {"kid": key.kid, **entry["headers"]}
    print("TOKEN", jwt.encode(entry["claims"], key.private_key, algorithm="RS256", headers=headers))
"""


CHANGES: dict[str, Claims] = {
    "expired": {"exp": -60},
    "expired long ago": {"exp": -10_000_000, "iat": -10_000_900, "nbf": -10_000_900},
    "not yet valid": {"nbf": 3600, "exp": 7200},
    "issued in the future": {"iat": 3600, "nbf": 3600, "exp": 7200},
}
REPLACED: dict[str, Claims] = {
    "other audience": {"aud": "other.example.org"},
    "list of other audiences": {"aud": ["other.example.org"]},
    "no audience": {"aud": ""},
    "other issuer": {"iss": "other.example.org"},
    "exp is text": {"exp": "tomorrow"},
    "exp is infinite": {"exp": 1e400},
    "exp is null": {"exp": None},
    "access is text": {"access": "all"},
    "access is null": {"access": None},
    "access is an object": {"access": {"type": "repository"}},
    "access holds text": {"access": ["repository:*:*"]},
    "access holds null": {"access": [None]},
    "access without name": {"access": [{"type": "repository", "actions": ["pull"]}]},
    "access with a wild name": {
        "access": [{"type": "repository", "name": "*", "actions": ["*", "pull"]}]
    },
    "access with actions as text": {
        "access": [{"type": "repository", "name": "{name}", "actions": "pull"}]
    },
    "access of another type": {
        "access": [{"type": "registry", "name": "{name}", "actions": ["pull"]}]
    },
    "subject is a number": {"sub": 1},
    "subject is an object": {"sub": {}},
}
REQUIRED = ["iss", "aud", "sub", "iat", "exp", "access"]


@pytest.fixture(scope="module")
def signed_by_us(live_registry: RunningServer, alice: Client, genuine: Genuine) -> dict[str, str]:
    """Tokens with the right signature over claims that are wrong, and one that is right."""
    now = int(time.time())
    text = json.dumps(REPLACED).replace("{name}", f"{alice.username}/forged")
    documents = {"genuine": genuine.claims}
    for name, change in CHANGES.items():
        documents[name] = {**genuine.claims, **{key: now + value for key, value in change.items()}}
    documents |= {name: {**genuine.claims, **change} for name, change in json.loads(text).items()}
    for key in REQUIRED:
        documents[f"without {key}"] = {k: v for k, v in genuine.claims.items() if k != key}
    asked = [{"claims": document, "headers": {}} for document in documents.values()]
    printed = live_registry.manage("shell", "-v", "0", "-c", SIGN, stdin=json.dumps(asked))
    tokens = [line.split()[1] for line in printed.splitlines() if line.startswith("TOKEN ")]
    return dict(zip(documents, tokens, strict=True))


def test_the_tokens_below_are_signed_as_the_server_does(
    alice: Client, signed_by_us: dict[str, str]
) -> None:
    assert present(alice, signed_by_us["genuine"]).status == 200


@pytest.mark.parametrize("case", [*CHANGES, *REPLACED, *(f"without {key}" for key in REQUIRED)])
def test_a_token_with_our_signature_but(
    case: str, alice: Client, signed_by_us: dict[str, str]
) -> None:
    assert_worthless(alice, signed_by_us[case])
