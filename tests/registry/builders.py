"""Repositories, principals and manifests for the tests of the registry."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from accounts.audit.services import SYSTEM, Actor
from accounts.credentials.principals import Principal
from accounts.organizations.models import Organization
from accounts.organizations.services import create_organization
from accounts.users.models import Namespace, Robot, User
from accounts.users.services import create_robot, create_user
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import OCI_INDEX, OCI_MANIFEST
from artifacts.oci.names import Reference
from registry.access.grants import grant_token
from registry.access.scopes import parse_scopes
from registry.blobs.models import Blob
from registry.blobs.uploads import Chunk, push_blob
from registry.exchange.pushes import labels_of_image, store_manifest
from registry.manifests.drafts import UNCONDITIONAL, Condition, Draft
from registry.manifests.models import Manifest
from registry.manifests.policy import admit
from registry.repositories.models import Repository
from registry.repositories.paths import split_path
from registry.repositories.services import create_repository

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


def make_user(name: str = "alice", *, is_superuser: bool = False) -> User:
    return create_user(username=name, password=PASSWORD, is_superuser=is_superuser, now=NOW)


def make_organization(name: str = "acme", *, owner: User | None = None) -> Organization:
    """An organization; its owner is a user of the name ``NAME-owner`` unless given."""
    return create_organization(name=name, owner=owner or make_user(f"{name}-owner"), now=NOW)


def make_repository(
    path: str = "acme/web", *, creator: Principal | None = None, is_public: bool = False
) -> Repository:
    """A repository, with its organization when nobody has that name yet."""
    namespace, _ = split_path(path)
    if not Namespace.objects.filter(name=namespace).exists():
        make_organization(namespace)
    return create_repository(
        path=path,
        creator=creator or owner_of(namespace),
        is_public=is_public,
        now=NOW,
    )


def make_robot(organization: Organization, short_name: str = "ci") -> Robot:
    return create_robot(owner=organization.namespace, short_name=short_name, now=NOW)


def owner_of(namespace: str) -> Principal:
    """The user of that name, or the first owner of the organization of that name."""
    user = User.objects.filter(username=namespace).first() or User.objects.get(
        team_memberships__team__organization__namespace__name=namespace,
        team_memberships__team__role="admin",
    )
    return principal_of(user)


def principal_of(account: User | Robot, **changed: Any) -> Principal:
    known: dict[str, Any] = {"id": account.pk}
    match account:
        case User():
            known |= {"kind": "user", "name": account.username}
            known["is_superuser"] = account.is_superuser
        case Robot():
            known |= {"kind": "robot", "name": account.name}
    return Principal(**{**known, **changed})


def bearer(principal: Principal, *scopes: str) -> dict[str, str]:
    """Headers with a token for what ``principal`` may do of ``scopes``."""
    token = grant_token(
        principal=principal, scopes=parse_scopes(scopes), now=datetime.now(UTC)
    ).text
    return {"Authorization": f"Bearer {token}"}


def hold(repository: Repository, *contents: bytes, now: datetime = NOW) -> list[Blob]:
    """Push each content as a blob of the repository."""
    return [
        push_blob(
            repository=repository,
            digest=Digest.of(content),
            chunk=Chunk(pieces=[content], length=len(content)),
            now=now,
        )
        for content in contents
    ]


def descriptor(content: bytes, media_type: str = LAYER_TYPE) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def image(config: bytes, *layers: bytes, **changed: Any) -> bytes:
    """The bytes of an image manifest of these blobs."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, CONFIG_TYPE),
        "layers": [descriptor(layer) for layer in layers],
        **changed,
    }
    return json.dumps(document).encode()


def index(*children: bytes, **changed: Any) -> bytes:
    """The bytes of an index of these manifests."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(child, OCI_MANIFEST) for child in children],
        **changed,
    }
    return json.dumps(document).encode()


def push(
    repository: Repository,
    body: bytes,
    reference: str = "v1",
    *,
    tags: tuple[str, ...] = (),
    condition: Condition = UNCONDITIONAL,
    now: datetime = NOW,
    by: Actor = SYSTEM,
) -> Manifest:
    """Admitted and stored; neither counted nor looked into."""
    document = ManifestDocument.parse(body, "")
    draft = Draft(repository, Reference.parse(reference), body, document, tags, condition)
    admit(draft, now=now, by=by)
    labels = labels_of_image(document, repository=repository, now=now)
    return store_manifest(draft, labels=labels, now=now, by=by).manifest


def error_of(document: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message of an error document, which holds exactly one error."""
    (error,) = document["errors"]
    assert set(error) == {"code", "message", "detail"}
    return error["code"], error["message"]
