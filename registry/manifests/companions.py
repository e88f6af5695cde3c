"""The tags that say something about a manifest, and go with it."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from artifacts.oci.digest import Digest
from artifacts.oci.names import referrers_tag
from artifacts.signatures.companions import companion_tags
from registry.manifests.models import Manifest
from registry.manifests.reachability import is_abandoned
from registry.repositories.models import Repository
from registry.tags.models import EndReason, Tag
from registry.tags.services import end_tag


def companions_of(
    repository: Repository, digests: Collection[str], *, now: datetime
) -> Mapping[str, list[str]]:
    """The companion tags of each manifest that has some, in one query."""
    subjects = {name: digest for digest in digests for name in _names(digest)}
    tags = Tag.objects.alive(at=now).filter(repository=repository.id, name__in=subjects)
    found: dict[str, list[str]] = {}
    for name in tags.order_by("name").values_list("name", flat=True):
        found.setdefault(subjects[name], []).append(name)
    return found


def delete_companions(
    *, repository: Repository, digests: Collection[str], now: datetime, by: Actor = SYSTEM
) -> list[str]:
    """Delete the companion tags of those manifests that were given up, and return their names.

    Tags that are immutable stay. What is deleted can be restored, as all tags can.
    """
    there = companions_of(repository, digests, now=now)
    return [
        name
        for digest, names in sorted(there.items())
        for name in _delete(repository, digest, names, now, by)
    ]


def _delete(
    repository: Repository, digest: str, names: Collection[str], now: datetime, by: Actor
) -> list[str]:
    with transaction.atomic():
        # The manifest before its tags, as a push locks them: it is not tagged meanwhile.
        subjects = Manifest.objects.filter(repository=repository.id, digest=digest)
        subject = subjects.select_for_update(of=("self",)).values_list("pk", flat=True).first()
        if subject and not is_abandoned(repository=repository, manifest_id=subject, now=now):
            return []
        alive = Tag.objects.alive(at=now).filter(repository=repository.id, name__in=names)
        if settings.FEATURE_IMMUTABLE_TAGS:
            alive = alive.filter(is_immutable=False)
        deleted = list(alive.select_for_update(of=("self",)).order_by("name"))
        for tag in deleted:
            end_tag(tag=tag, reason=EndReason.SUBJECT, now=now)
            target = f"{repository.path}:{tag.name}"
            by.did("tag.delete", target, now=now, reason=EndReason.SUBJECT.value)
    return [tag.name for tag in deleted]


def _names(digest: str) -> list[str]:
    parsed = Digest.parse(digest)
    return [*companion_tags(parsed), referrers_tag(parsed)]
