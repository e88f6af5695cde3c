"""What a reference stands for; and noting that it was asked for."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from accounts import statements
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.names import Reference
from registry.manifests.models import Manifest
from registry.manifests.standing import GIVEN_UP, Node, Superseded, standing_of
from registry.repositories.models import Repository
from registry.tags.history import why_no_digest, why_no_tag

logger = logging.getLogger(__name__)

_PULL_RECORDED_EVERY = timedelta(hours=1)

_HELD, _UNTAGGED, _DELETED = range(3)

_COLUMNS = """
    SELECT m.id, m.last_pulled_at, m.last_pushed_at, {standing}, {until}, m.subject_digest,
           m.digest, m.media_type, m.size, {body}
"""
_BY_TAG = """
    FROM tags_tag t JOIN manifests_manifest m ON m.id = t.manifest_id
    WHERE t.repository_id = %s AND t.name = %s AND t.ended_at IS NULL
      AND (t.expires_at IS NULL OR t.expires_at > %s) AND m.deleted_at IS NULL
"""
_BY_DIGEST = """
    FROM manifests_manifest m WHERE m.repository_id = %s AND m.digest = %s
"""
_STANDING = f"""
    CASE WHEN m.deleted_at IS NOT NULL THEN {_DELETED}
    WHEN {GIVEN_UP} THEN {_UNTAGGED} ELSE {_HELD} END
"""
# When the next tag expires, which may change the standing.
_NEXT_EXPIRY = """(
    SELECT MIN(t.expires_at) FROM tags_tag t
    WHERE t.manifest_id = m.id AND t.ended_at IS NULL AND t.expires_at > %s
)"""
_STATEMENTS = {
    (by_tag, with_body): _COLUMNS.format(
        standing=standing, until=until, body="m.body" if with_body else "NULL"
    )
    + where
    for by_tag, standing, until, where in (
        (True, _HELD, "t.expires_at", _BY_TAG),
        (False, _STANDING, _NEXT_EXPIRY, _BY_DIGEST),
    )
    for with_body in (True, False)
}


@dataclass(frozen=True, slots=True)
class ResolvedManifest:
    """What a reference stands for; ``body`` is empty when only the headers were asked for.

    ``is_pull_due`` says that no pull of it was noted for an hour, ``is_aging`` that half
    of its lease is over. What is not stored has no ``id``. ``superseded``: only a tag that
    moved on leads to it, and not for long.
    """

    digest: str
    media_type: str
    size: int
    body: bytes = b""
    id: int = 0
    is_pull_due: bool = False
    is_aging: bool = False
    superseded: Superseded | None = None

    def document(self) -> ManifestDocument:
        """As ``Manifest.document``, read at each call."""
        return ManifestDocument.parse(self.body, self.media_type)


def resolve_manifest(
    *, repository: Repository, reference: Reference, with_body: bool, now: datetime
) -> ResolvedManifest:
    """The manifest that a tag or digest stands for, in one query.

    A digest that only tags of the past lead to costs some queries more.

    Raises ``ManifestUnknown``, with the reason, when there is none, or the tag has expired.
    """
    if reference.tag is None:
        return _at_digest(repository, str(reference.digest), with_body, now)
    if manifest := manifest_at_tag(repository, reference.tag, with_body=with_body, now=now):
        return manifest
    reason = why_no_tag(repository=repository, name=reference.tag, now=now)
    raise ManifestUnknown(reason, reference=reference.tag)


@dataclass(frozen=True, slots=True)
class _Row:
    """A manifest as a statement reads it."""

    id: int
    last_pulled_at: datetime | None
    last_pushed_at: datetime
    standing: int
    subject_digest: str
    digest: str
    media_type: str
    size: int
    body: bytes

    def resolved(self, now: datetime) -> ResolvedManifest:
        """A pull is worth noting once in an hour, and a lease ages with its second half."""
        due = self.last_pulled_at and self.last_pulled_at + _PULL_RECORDED_EVERY
        half = timedelta(seconds=settings.BERTH.PUSH_TEMP_TAG_EXPIRATION_SEC) / 2
        aging = self.last_pushed_at + half
        for moment in (due, aging):
            if moment:
                statements.holds_until(moment, now=now)
        return ResolvedManifest(
            self.digest,
            self.media_type,
            self.size,
            self.body,
            self.id,
            is_pull_due=due is None or due < now,
            is_aging=aging < now,
        )


def manifest_at_tag(
    repository: Repository, tag: str, *, with_body: bool, now: datetime
) -> ResolvedManifest | None:
    """As ``resolve_manifest``, for whom no tag is an answer too."""
    row = statements.remembered(
        ("tag", repository.id, tag, with_body),
        lambda: _first_row(_STATEMENTS[True, with_body], [repository.id, tag, now]),
        now=now,
    )
    return row.resolved(now) if row else None


def _at_digest(
    repository: Repository, digest: str, with_body: bool, now: datetime
) -> ResolvedManifest:
    row = statements.remembered(
        ("digest", repository.id, digest, with_body),
        lambda: _first_row(_STATEMENTS[False, with_body], [now, now, repository.id, digest]),
        now=now,
    )
    if row is None:
        raise ManifestUnknown(f"{repository.path} has no manifest {digest}", reference=digest)
    manifest = row.resolved(now)
    if row.standing == _HELD:
        return manifest
    if row.standing == _UNTAGGED:
        node = Node(row.id, digest, row.subject_digest)
        ways = standing_of(repository=repository, nodes=[node], now=now)
        if ways.is_held:
            return manifest
        if ways.superseded:
            return _left_behind(manifest, ways.superseded, now)
    reason = why_no_digest(repository=repository, digest=digest, now=now)
    raise ManifestUnknown(reason, reference=digest)


def _first_row(statement: str, parameters: Sequence[Any]) -> statements.Found[_Row | None]:
    for pk, pulled, pushed, standing, until, *texts, size, body in statements.rows(
        statement, parameters
    ):
        subject, digest, media_type = texts
        row = _Row(
            id=pk,
            last_pulled_at=pulled and statements.moment(pulled),
            last_pushed_at=statements.moment(pushed),
            standing=standing,
            subject_digest=subject,
            digest=digest,
            media_type=media_type,
            size=size,
            body=bytes(body or b""),
        )
        return statements.Found(row, until and statements.moment(until), len(row.body))
    return statements.Found(None)


def _left_behind(
    manifest: ResolvedManifest, superseded: Superseded, now: datetime
) -> ResolvedManifest:
    """To renew its lease is to push it again, so that is left to the end of its time."""
    grace = timedelta(seconds=settings.BERTH.PUSH_TEMP_TAG_EXPIRATION_SEC)
    is_aging = manifest.is_aging and superseded.until <= now + grace
    return replace(manifest, is_aging=is_aging, superseded=superseded)


def note_pull(*, manifest: ResolvedManifest, now: datetime) -> None:
    """Remember the pull, at most once an hour; no pull fails because of that."""
    if not manifest.is_pull_due:
        return
    try:
        with statements.commit_without_sync():
            Manifest.objects.filter(pk=manifest.id).update(last_pulled_at=now)
    except DatabaseError:
        logger.warning("could not note the pull of %s", manifest.digest, exc_info=True)


def renew_lease(*, manifest: ResolvedManifest, now: datetime) -> None:
    """Keep a manifest for a caller who may push and just asked for it by digest.

    Some clients do not push a manifest that is there, and go on to the index that lists it.
    Written only when half of the grace is over, so that asking seldom writes. Raises
    ``ManifestUnknown`` when it was collected since it was found.
    """
    if not manifest.is_aging:
        return
    if not Manifest.objects.filter(pk=manifest.id).update(last_pushed_at=now):
        raise ManifestUnknown(f"there is no manifest {manifest.digest}", digest=manifest.digest)
