"""What stands around a manifest: its tags, the indexes that list it, what it is attached to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from artifacts.signatures.companions import subject_of
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.verification.models import Verdict
from ui.contents.listed import subject_in_indexes

MAX_TAGS: Final = 20
MAX_PARENTS: Final = 10
MAX_VERDICTS: Final = 20


@dataclass(frozen=True, slots=True)
class Neighbours:
    """``verdicts`` is what was found of it as a signature or attestation of its subject."""

    tags: Sequence[str]
    has_more_tags: bool
    parents: Sequence[str]
    subject: str
    verdicts: Sequence[Verdict]


def neighbours_of(
    repository: Repository, manifest: Manifest, tag: Tag | None, now: datetime
) -> Neighbours:
    alive = Tag.objects.alive(now).filter(manifest=manifest.id).order_by("-started_at", "name")
    names = list(alive.values_list("name", flat=True)[: MAX_TAGS + 1])
    indexes = Manifest.objects.present().listing([manifest.digest], repository=repository.id)
    parents = list(indexes.order_by("-pk").values_list("digest", flat=True)[:MAX_PARENTS])
    verdicts = Verdict.objects.filter(manifest=manifest.id).select_related("key")
    return Neighbours(
        tags=names[:MAX_TAGS],
        has_more_tags=len(names) > MAX_TAGS,
        parents=parents,
        subject=manifest.subject_digest
        or subject_in_indexes(repository, manifest, parents)
        or _subject_of(([tag.name] if tag else []) + names),
        verdicts=list(verdicts.order_by("subject_digest", "position")[:MAX_VERDICTS]),
    )


def _subject_of(names: Sequence[str]) -> str:
    """What a tag such as ``sha256-<hex>.sig`` is about."""
    return next((str(found) for name in names if (found := subject_of(name))), "")
