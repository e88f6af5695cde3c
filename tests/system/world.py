"""A small world to ask questions about: one organization, its repositories, and who may what."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from accounts.credentials.keys import forget_cached_keys, signing_key
from accounts.credentials.principals import Principal
from accounts.credentials.services import issue_application_token, issue_robot_token
from accounts.organizations.models import Organization
from accounts.organizations.services import create_organization
from accounts.users.models import User
from accounts.users.services import create_robot, create_user
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.names import Reference
from registry.access.tokens import forget_tokens
from registry.blobs.sessions import open_upload
from registry.blobs.uploads import Chunk, append_chunk, push_blob
from registry.exchange.pushes import push_manifest
from registry.manifests.drafts import Draft
from registry.repositories.models import Repository, Role
from registry.repositories.services import create_repository, grant
from tests.conformance.content import OCI_INDEX, encode, index

PASSWORD = "correct horse battery staple"
BLOB = b"what a repository holds"
BLOB_DIGEST = str(Digest.of(BLOB))
MANIFEST = encode(index([], annotations={"of": "the world"}))
MANIFEST_DIGEST = str(Digest.of(MANIFEST))
EVERYTHING = "pull,push,delete,*"

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody, and how they log in. ``key`` owns upload sessions."""

    name: str
    key: str
    login: str = ""
    password: str = field(default="", repr=False)
    token_for: str = ""  # a repository, if their token is always for that one

    def headers(self, way: str, repository: str) -> Headers:
        """The ``Authorization`` header: ``basic``, or ``bearer`` with all rights they can get."""
        if way == "basic":
            return self.basic()
        return self.bearer(f"repository:{self.token_for or repository}:{EVERYTHING}")

    def basic(self) -> Headers:
        if not self.login:
            return {}
        pair = f"{self.login}:{self.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def bearer(self, *scopes: str) -> Headers:
        return {"Authorization": f"Bearer {self.token(*scopes)}"}

    def token(self, *scopes: str) -> str:
        answer = Client().get(
            "/v2/auth", {"service": "berth", "scope": scopes}, headers=dict(self.basic())
        )
        assert answer.status_code == 200, answer.content
        return str(answer.json()["token"])


@dataclass(frozen=True, slots=True)
class World:
    callers: Mapping[str, Caller]
    repositories: Mapping[str, str]  # "public", "private", "absent": paths

    def open_session(self, caller: Caller, repository: str, content: bytes = b"") -> str:
        """An upload session of ``caller``, whether or not they might open one.

        With ``content`` it has a row; before its first bytes it has none.
        """
        found = Repository.objects.filter(path=repository).first()
        if found is None:
            return str(uuid4())
        now = timezone.now()
        session = open_upload(repository=found, owner=caller.key, now=now)
        if content:
            append_chunk(session=session, chunk=Chunk([content], len(content)), now=now)
        return str(session.pk)


@contextmanager
def inhabited() -> Iterator[World]:
    """The world, in a database that forgets it afterwards as this process must."""
    _forget()
    yield _build(timezone.now())
    _forget()


def _forget() -> None:
    forget_cached_keys()
    forget_tokens()


def _build(now: datetime) -> World:
    signing_key(now=now)  # made now, so that no question takes it back
    people = {
        name: create_user(username=name, password=PASSWORD, now=now)
        for name in ("owner", "manager", "writer", "reader", "outsider")
    }
    acme = create_organization(name="acme", owner=people["owner"], now=now)
    public = _repository("acme/public", people["owner"], is_public=True, now=now)
    private = _repository("acme/private", people["owner"], is_public=False, now=now)
    _repository("acme/elsewhere", people["owner"], is_public=False, now=now)
    _repository("outsider/own", people["outsider"], is_public=False, now=now)
    for repository in (public, private):
        for name, role in (
            ("manager", Role.ADMIN),
            ("writer", Role.WRITE),
            ("reader", Role.READ),
        ):
            grant(repository=repository, role=role, holder=people[name], now=now)
    callers = [
        Caller("anonymous", "anonymous"),
        *(Caller(name, f"user:{person.pk}", name, PASSWORD) for name, person in people.items()),
        _robot(acme, [public, private], now),
        _with_read_token(people["owner"], now),
        Caller(
            "owner with a token of another repository",
            f"user:{people['owner'].pk}",
            "owner",
            PASSWORD,
            token_for="acme/elsewhere",
        ),
    ]
    return World(
        {caller.name: caller for caller in callers},
        {"public": "acme/public", "private": "acme/private", "absent": "acme/missing"},
    )


def _repository(path: str, creator: User, *, is_public: bool, now: datetime) -> Repository:
    """A repository with a blob, and an index under the tag ``v1``."""
    principal = Principal(kind="user", id=creator.pk, name=creator.username)
    repository = create_repository(path=path, creator=principal, is_public=is_public, now=now)
    push_blob(
        repository=repository,
        digest=Digest.of(BLOB),
        chunk=Chunk(pieces=[BLOB], length=len(BLOB)),
        now=now,
    )
    document = ManifestDocument.parse(MANIFEST, OCI_INDEX)
    push_manifest(Draft(repository, Reference.parse("v1"), MANIFEST, document), now=now)
    return repository


def _robot(acme: Organization, repositories: list[Repository], now: datetime) -> Caller:
    robot = create_robot(owner=acme.namespace, short_name="ci", now=now)
    for repository in repositories:
        grant(repository=repository, role=Role.WRITE, holder=robot, now=now)
    token = issue_robot_token(robot=robot, now=now)
    return Caller("robot", f"robot:{robot.pk}", robot.name, token)


def _with_read_token(owner: User, now: datetime) -> Caller:
    token = issue_application_token(
        user=owner, title="reads only", scope="read", expires_at=None, now=now
    )
    return Caller("owner with a read token", f"user:{owner.pk}", "$app", token)
