"""``generate_data``: fill a registry with made-up repositories and tags, to measure its pages.

Manifests are real, over a few small blobs; rows are written in bulk.
"""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models, transaction
from django.utils import timezone

from accounts.credentials.principals import Principal
from accounts.organizations.models import Organization
from accounts.organizations.services import create_organization
from accounts.users.models import User
from accounts.users.passwords import random_password
from accounts.users.services import create_user
from artifacts.batches import batched
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import OCI_MANIFEST
from artifacts.oci.names import Reference
from registry.blobs.models import BlobLink
from registry.blobs.uploads import Chunk, push_blob
from registry.exchange.pushes import push_manifest
from registry.manifests.drafts import Draft
from registry.manifests.models import Manifest, ManifestBlob
from registry.repositories.models import NamePart, Repository
from registry.repositories.paths import name_parts
from registry.repositories.services import create_repository
from registry.tags.models import Tag
from registry.tags.services import order_of

MOST_REPOSITORIES: Final = 100_000
MOST_TAGS: Final = 1_000_000
ORGANIZATION: Final = "generated"
OWNER: Final = "generated-owner"
MANY_TAGS: Final = f"{ORGANIZATION}/many-tags"
TAGS_PER_MANIFEST: Final = 10
_BATCH_ROWS: Final = 2000
_CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar"
_LAYER: Final = b"made up\n".ljust(1024, b"\0")
_WORDS: Final = ("web", "api", "worker", "proxy", "chart", "tools", "db", "cache")

Row = TypeVar("Row", bound=models.Model)


class Command(BaseCommand):
    help = (
        f"Make an organization {ORGANIZATION} with many small repositories, and one of them,"
        f" {MANY_TAGS}, with many tags. Their manifests are real, and can be pulled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repositories", type=int, default=10_000, help="how many")
        parser.add_argument("--tags", type=int, default=100_000, help="how many in one of them")
        parser.add_argument(
            "--yes", action="store_true", help="also where there are repositories already"
        )

    def handle(self, *, repositories: int, tags: int, yes: bool, **_: Any) -> None:
        if not 1 <= repositories <= MOST_REPOSITORIES:
            raise CommandError(f"--repositories takes 1 to {MOST_REPOSITORIES}")
        if not 1 <= tags <= MOST_TAGS:
            raise CommandError(f"--tags takes 1 to {MOST_TAGS}")
        if Repository.objects.filter(namespace__name=ORGANIZATION).exists():
            raise CommandError(f"the organization {ORGANIZATION} has repositories already")
        if not yes and Repository.objects.exists():
            raise CommandError(
                "this registry has content; to add made-up repositories to it, say --yes"
            )
        generate(repositories=repositories, tags=tags, now=timezone.now())
        self.stdout.write(
            f"made {repositories} repositories in {ORGANIZATION}, and {tags} tags in {MANY_TAGS}"
        )


def generate(*, repositories: int, tags: int, now: datetime) -> None:
    """Make the organization, ``repositories`` in it, and ``tags`` in one of these.

    One image is pushed as a client would. Everything else is a copy of its rows under other
    names, with manifests that differ in an annotation and have the digests that they say.
    """
    owner = _owner(now)
    first = create_repository(
        path=MANY_TAGS,
        creator=Principal(kind="user", id=owner.pk, name=owner.username),
        is_public=True,
        now=now,
    )
    image = _push(first, now)
    _add_repositories(first, image, repositories - 1, now)
    _add_tags(first, image, tags - 1, now)


def _owner(now: datetime) -> User:
    owner = User.objects.filter(username=OWNER).first() or create_user(
        username=OWNER, password=random_password(), now=now
    )
    if not Organization.objects.filter(namespace__name=ORGANIZATION).exists():
        create_organization(name=ORGANIZATION, owner=owner, now=now)
    return owner


def _push(repository: Repository, now: datetime) -> Manifest:
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(_LAYER))]},
        }
    ).encode()
    for content in (config, _LAYER):
        chunk = Chunk(pieces=[content], length=len(content))
        push_blob(repository=repository, digest=Digest.of(content), chunk=chunk, now=now)
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _descriptor(_CONFIG_TYPE, config),
            "layers": [_descriptor(_LAYER_TYPE, _LAYER)],
        }
    ).encode()
    document = ManifestDocument.parse(body, OCI_MANIFEST)
    draft = Draft(repository, Reference.parse("v0"), body, document)
    return push_manifest(draft, now=now).manifest


def _add_repositories(first: Repository, image: Manifest, count: int, now: datetime) -> None:
    """Repositories with one image and the tag ``v1`` each, every tenth of them public."""
    fields = _fields(Repository.objects.get(pk=first.pk))
    tag = _fields(Tag.objects.get(manifest=image))
    links = BlobLink.objects.filter(repository=first)
    for numbers in batched(range(count), _BATCH_ROWS):
        with transaction.atomic():
            made = Repository.objects.bulk_create(
                Repository(**fields | _name(number, now)) for number in numbers
            )
            NamePart.objects.bulk_create(
                NamePart(repository=repository, text=text)
                for repository in made
                for text in name_parts(repository.path)
            )
            blob_links = BlobLink.objects.bulk_create(
                BlobLink(**_fields(link) | {"repository_id": repository.pk})
                for link in links
                for repository in made
            )
            manifests = Manifest.objects.bulk_create(
                _manifest(image, repository, repository.path) for repository in made
            )
            by_repository = {manifest.repository_id: manifest for manifest in manifests}
            ManifestBlob.objects.bulk_create(
                ManifestBlob(manifest=by_repository[link.repository_id], link=link)
                for link in blob_links
            )
            Tag.objects.bulk_create(
                Tag(**tag | order_of("v1") | _tagged("v1", manifest)) for manifest in manifests
            )


def _add_tags(repository: Repository, image: Manifest, count: int, now: datetime) -> None:
    """Tags ``v1`` and on, ten on each manifest, the last an hour younger than the one before."""
    tag = _fields(Tag.objects.get(manifest=image))
    links = list(BlobLink.objects.filter(repository=repository))
    for numbers in batched(range(1, count + 1), _BATCH_ROWS):
        with transaction.atomic():
            manifest_numbers = sorted({number // TAGS_PER_MANIFEST for number in numbers})
            manifests = {
                number: _manifest(image, repository, f"image {number}")
                for number in manifest_numbers
            }
            digests = {manifest.digest: number for number, manifest in manifests.items()}
            there = Manifest.objects.filter(repository=repository, digest__in=digests)
            existing = {digests[row.digest]: row for row in there}
            new = [row for number, row in manifests.items() if number not in existing]
            created = Manifest.objects.bulk_create(new)
            ManifestBlob.objects.bulk_create(
                ManifestBlob(manifest=manifest, link=link) for manifest in created for link in links
            )
            manifests |= existing
            Tag.objects.bulk_create(
                Tag(
                    **tag
                    | order_of(f"v{number}")
                    | _tagged(f"v{number}", manifests[number // TAGS_PER_MANIFEST])
                    | {"started_at": now - timedelta(minutes=count - number)}
                )
                for number in numbers
            )


def _manifest(image: Manifest, repository: Repository, title: str) -> Manifest:
    annotations = {"org.opencontainers.image.title": title}
    body = json.dumps(json.loads(bytes(image.body)) | {"annotations": annotations}).encode()
    return Manifest(
        **_fields(image)
        | {
            "repository_id": repository.pk,
            "digest": f"sha256:{hashlib.sha256(body).hexdigest()}",
            "annotations_json": json.dumps(annotations),
            "size": len(body),
            "body": body,
        }
    )


def _name(number: int, now: datetime) -> dict[str, Any]:
    name = f"{_WORDS[number % len(_WORDS)]}-{number:06}"
    return {
        "name": name,
        "path": f"{ORGANIZATION}/{name}",
        "is_public": number % 10 == 0,
        "created_at": now - timedelta(minutes=number),
        "last_pushed_at": now - timedelta(minutes=number),
    }


def _tagged(name: str, manifest: Manifest) -> dict[str, Any]:
    return {"name": name, "repository_id": manifest.repository_id, "manifest_id": manifest.pk}


def _fields(row: models.Model) -> dict[str, Any]:
    """The columns of a row, but for its id."""
    columns = [field for field in row._meta.concrete_fields if not field.primary_key]
    return {field.attname: getattr(row, field.attname) for field in columns}


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}
