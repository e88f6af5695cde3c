"""The callers and repositories that the conformance tests speak through."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jwt
import pytest

from tests.conformance.client import Client
from tests.conformance.content import unique
from tests.conformance.repository import Image, Repository
from tests.live import RunningServer

PASSWORD = "correct horse battery staple"


Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stocked:
    """A repository that tests only read."""

    repository: Repository
    blob: bytes
    digest: str
    image: Image
    tag: str


@dataclass(frozen=True, slots=True)
class Genuine:
    """A token that opens the repository ``forged``, taken apart."""

    token: str
    header: Claims
    claims: Claims


@pytest.fixture(scope="session")
def callers(live_registry: RunningServer) -> dict[str, Client]:
    """People who exist: ``alice`` owns everything, ``bob`` has what he is granted."""
    manage = live_registry.manage
    suffix = uuid4().hex[:6]  # The server is shared with other tests.
    alice, bob = f"alice-{suffix}", f"bob-{suffix}"
    with ThreadPoolExecutor(2) as pool:  # Each command takes a second or two to start.
        people = [
            pool.submit(manage, "create_user", name, "--password-stdin", stdin=PASSWORD)
            for name in (alice, bob)
        ]
        for person in people:
            person.result()
        places = [
            pool.submit(manage, "create_repository", f"{alice}/public", "--public"),
            pool.submit(manage, "grant", "write", f"{alice}/writable", "--user", bob, "--create"),
            pool.submit(manage, "grant", "read", f"{alice}/readable", "--user", bob, "--create"),
        ]
        for place in places:
            place.result()
    host = live_registry.host
    return {"alice": Client(host, alice, PASSWORD), "bob": Client(host, bob, PASSWORD)}


@pytest.fixture(scope="session")
def alice(callers: dict[str, Client]) -> Client:
    return callers["alice"]


@pytest.fixture(scope="session")
def bob(callers: dict[str, Client]) -> Client:
    return callers["bob"]


@pytest.fixture
def anonymous(callers: dict[str, Client]) -> Client:
    return Client(callers["alice"].host)


@pytest.fixture
def repository(alice: Client, request: pytest.FixtureRequest) -> Repository:
    """An empty repository of alice's that nobody else uses."""
    title = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.lower()).strip("-")[:60]
    return Repository(alice, f"{alice.username}/{title.strip('-')}/{uuid4().hex[:12]}")


@pytest.fixture
def public(alice: Client) -> Repository:
    return Repository(alice, f"{alice.username}/public")


@pytest.fixture
def writable(alice: Client) -> Repository:
    """A private repository in which bob may write."""
    return Repository(alice, f"{alice.username}/writable")


@pytest.fixture
def readable(alice: Client) -> Repository:
    """A private repository which bob may only read."""
    return Repository(alice, f"{alice.username}/readable")


@pytest.fixture(scope="session")
def stocked(alice: Client) -> Stocked:
    """One blob of 1000 bytes and one tagged image."""
    repository = Repository(alice, f"{alice.username}/stocked")
    blob = unique(1000)
    digest = repository.push_blob(blob)["digest"]
    return Stocked(repository, blob, digest, repository.push_image("v1"), "v1")


@pytest.fixture(scope="session")
def genuine(alice: Client) -> Genuine:
    repository = Repository(alice, f"{alice.username}/forged")
    repository.push_image("v1")
    token = alice.token(f"repository:{repository.name}:pull,push")
    claims = jwt.decode(token, options={"verify_signature": False})
    return Genuine(token, dict(jwt.get_unverified_header(token)), dict(claims))
