"""Point tags at manifests, let go of them, and say how long they stay."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection, transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from accounts.statements import Prepared
from artifacts.charts.versions import sort_key
from artifacts.oci.companions import subject_of
from artifacts.oci.errors import Denied, ManifestUnknown, TooManyRequests
from artifacts.oci.expiry import ExpirySource, TagTerms
from artifacts.oci.lifetimes import parse_lifetime
from registry.events.kinds import EventType
from registry.events.outbox import has_hooks, note
from registry.repositories.models import Repository
from registry.tags.immutability import born_immutable
from registry.tags.models import MAX_WARNING_LENGTH, EndReason, StartReason, Tag

if TYPE_CHECKING:
    from registry.manifests.models import Manifest

_TRIES = 1000  # each waits for somebody else's push to end
_LIVE = Prepared(
    lambda repository, name: (
        Tag.objects.live().filter(repository=repository, name=name).values_list("pk")
    )
)


class TagImmutable(Denied):
    """The tag may neither be moved nor deleted."""

    status = HTTPStatus.CONFLICT


class ExpiryRefused(AccountError):
    """The tag cannot expire then."""


class ImmutabilityRefused(AccountError):
    """Tags cannot be immutable here."""


def lock_tag(*, repository: Repository, name: str) -> Tag | None:
    """The live row of a tag, locked until the transaction ends; ``None`` when there is none.

    Raises ``TooManyRequests`` when others go on moving the tag while this waits.
    """
    if not _LIVE.rows(repository.id, name):
        return None
    live = Tag.objects.live().filter(repository=repository.id, name=name)
    locked = live.select_for_update(of=("self",)).select_related("manifest")
    for _ in range(_TRIES):
        tag = locked.defer("manifest__body").first()
        if tag:
            tag.repository = repository
        # Who waited for a lock finds that row ended, and the tag in a new row to wait for.
        if tag or not connection.features.has_select_for_update or not live.exists():
            return tag
    raise TooManyRequests(f"the tag {name} is moved all the time", retry_after_seconds=1)


def point_tag(
    *,
    current: Tag | None,
    repository: Repository,
    name: str,
    manifest: Manifest,
    terms: TagTerms,
    reason: StartReason = StartReason.PUSH,
    now: datetime,
    by: Actor = SYSTEM,
) -> Tag:
    """Make ``name`` point at ``manifest`` from ``now`` on; ``current`` is its locked live row.

    Whoever listens to the repository is told.

    A push of the manifest it points at already begins the lifetime anew.

    Raises:
        TagImmutable: the tag points at another manifest, and must go on doing so.
        IntegrityError: another push created the tag since it was looked for; the
            caller's transaction is repeated then.
    """
    if current and current.is_alive(now):
        if current.manifest_id == manifest.id:
            _grant(current, terms, now)
            if has_hooks(repository):
                _tell(EventType.TAG_PUSHED, current, manifest, now=now, by=by)
            return current
        require_mutable(current, "moved to another manifest")
    started_at = max(now, current.started_at) if current else now
    if current:
        end_tag(tag=current, reason=EndReason.MOVE, now=started_at)
    tag = Tag(
        repository=repository,
        name=name,
        **order_of(name),
        manifest=manifest,
        started_at=started_at,
        start_reason=reason,
        is_immutable=name in born_immutable(repository, [name]),
    )
    _apply(tag, terms, now)
    tag.save(force_insert=True)
    if has_hooks(repository):
        previous = current.manifest.digest if current and current.is_alive(now) else None
        _tell(_started(reason, previous), tag, manifest, now=now, by=by, previous_digest=previous)
    return tag


def order_of(name: str) -> dict[str, Any]:
    """The columns by which lists of tags sort and choose, as a tag's name says. In tags, ``+`` is
    written ``_``."""
    return {
        "sort_key": sort_key(name.replace("_", "+")) or "",
        "is_companion": subject_of(name) is not None,
    }


def end_tag(*, tag: Tag, reason: EndReason, now: datetime, by: Actor = SYSTEM) -> None:
    """End the interval of a locked tag, at its expiry if that came first.

    Whoever listens to the repository is told, unless another interval begins.
    """
    moment = now
    if tag.expires_at is not None and tag.expires_at <= now:
        now, reason = tag.expires_at, EndReason.EXPIRE
    tag.ended_at, tag.end_reason = max(now, tag.started_at), reason
    tag.save(update_fields=["ended_at", "end_reason"])
    if reason != EndReason.MOVE and has_hooks(_repository_at_hand(tag)):
        kind = EventType.TAG_EXPIRED if reason == EndReason.EXPIRE else EventType.TAG_DELETED
        _tell(kind, tag, tag.manifest, now=moment, by=by, reason=reason.value)


def _repository_at_hand(tag: Tag) -> Repository | None:
    """Its repository where that was read already."""
    return tag.repository if Tag.repository.is_cached(tag) else None


def _started(reason: StartReason, previous: str | None) -> EventType:
    if reason == StartReason.RESTORE:
        return EventType.TAG_RESTORED
    return EventType.TAG_MOVED if previous else EventType.TAG_PUSHED


def _tell(
    kind: EventType, tag: Tag, manifest: Manifest, *, now: datetime, by: Actor, **facts: Any
) -> None:
    note(
        kind,
        repository=tag.repository,
        now=now,
        by=by,
        tag=tag.name,
        **manifest.facts,
        expires_at=tag.expires_at.isoformat() if tag.expires_at else None,
        **facts,
    )


def delete_tag(
    *,
    repository: Repository,
    name: str,
    reason: EndReason = EndReason.DELETE,
    now: datetime,
    by: Actor = SYSTEM,
) -> None:
    """Take a tag away; its manifest stays, and the tag can be restored.

    Raises ``ManifestUnknown`` when it is not there, ``TagImmutable`` when it must stay.
    """
    with transaction.atomic():
        tag = _lock_alive(repository, name, now)
        require_mutable(tag, "deleted")
        end_tag(tag=tag, reason=reason, now=now, by=by)
        by.did("tag.delete", f"{repository.path}:{name}", now=now, reason=reason.value)


def set_expiry(
    *,
    repository: Repository,
    name: str,
    expires_at: datetime | None,
    now: datetime,
    by: Actor = SYSTEM,
) -> Tag:
    """Let a tag expire at a moment, or never (``None``).

    Raises:
        ManifestUnknown: there is no such tag.
        ExpiryRefused: the moment is nearer or farther than the configuration allows.
        TagImmutable: it may not expire (``FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE``).
    """
    if expires_at is not None:
        check_expiry(expires_at, now)
    with transaction.atomic():
        tag = _lock_alive(repository, name, now)
        if expires_at is not None and not settings.BERTH.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE:
            require_mutable(tag, "made to expire")
        tag.expires_at = expires_at
        tag.expiry_source = ExpirySource.PERSON if expires_at else ExpirySource.NONE
        tag.save(update_fields=["expires_at", "expiry_source"])
        shown = expires_at.isoformat() if expires_at else None
        by.did("tag.expiry", f"{repository.path}:{name}", now=now, expires_at=shown)
    return tag


def set_immutable(
    *,
    repository: Repository,
    name: str,
    is_immutable: bool,
    now: datetime,
    by: Actor = SYSTEM,
) -> Tag:
    """Make a tag immutable, or let go of that.

    Raises ``ManifestUnknown`` when there is no such tag, ``ImmutabilityRefused``
    when the configuration has no immutable tags.
    """
    if is_immutable and not settings.BERTH.FEATURE_IMMUTABLE_TAGS:
        raise ImmutabilityRefused("immutable tags are switched off (FEATURE_IMMUTABLE_TAGS)")
    with transaction.atomic():
        tag = _lock_alive(repository, name, now)
        tag.is_immutable = is_immutable
        if is_immutable and not settings.BERTH.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE:
            tag.expires_at, tag.expiry_source = None, ExpirySource.NONE
        tag.save(update_fields=["is_immutable", "expires_at", "expiry_source"])
        by.did("tag.immutable", f"{repository.path}:{name}", now=now, immutable=is_immutable)
    return tag


def sweep_expired(*, now: datetime, limit: int) -> int:
    """End at most ``limit`` tags that expired by ``now``; return how many.

    Readers do not wait for it: an expired tag is gone when its moment comes.
    """
    due = Tag.objects.expired(at=now).order_by("expires_at", "pk")
    with transaction.atomic():
        # Who holds a tag now moves, deletes or revives it; the rest is for the next run.
        locked = due.select_for_update(of=("self",), skip_locked=True)[:limit]
        tags = list(locked)
        for tag in tags:
            end_tag(tag=tag, reason=EndReason.EXPIRE, now=now)
    return len(tags)


def require_mutable(tag: Tag, change: str) -> None:
    """Raise ``TagImmutable`` when the tag may not be changed; ``change`` says what was tried."""
    if tag.is_immutable and settings.BERTH.FEATURE_IMMUTABLE_TAGS:
        raise TagImmutable(
            f"the tag {tag.name} is immutable and cannot be {change}; push under another tag,"
            " or ask an administrator of the repository to make it mutable",
            tag=tag.name,
        )


def _lock_alive(repository: Repository, name: str, now: datetime) -> Tag:
    tag = lock_tag(repository=repository, name=name)
    if tag is None or not tag.is_alive(now):
        raise ManifestUnknown(f"{repository.path} has no tag {name}", tag=name)
    return tag


def _grant(tag: Tag, terms: TagTerms, now: datetime) -> None:
    """Give an alive tag the terms of a push; a push that asks for nothing writes nothing."""
    before = (tag.expires_at, tag.expiry_source, tag.is_immutable, tag.warning)
    _apply(tag, terms, now)
    if before != (tag.expires_at, tag.expiry_source, tag.is_immutable, tag.warning):
        tag.save(update_fields=["expires_at", "expiry_source", "is_immutable", "warning"])


def _apply(tag: Tag, terms: TagTerms, now: datetime) -> None:
    tag.is_immutable |= terms.is_immutable and settings.BERTH.FEATURE_IMMUTABLE_TAGS
    warnings = list(terms.warnings)
    lifetime = terms.lifetime
    if lifetime and tag.is_immutable and not settings.BERTH.FEATURE_IMMUTABLE_TAGS_CAN_EXPIRE:
        warnings.append("the tag is immutable, so it does not expire")
        lifetime = None
    tag.expires_at = now + lifetime if lifetime else None
    tag.expiry_source = terms.source if lifetime else ExpirySource.NONE
    tag.warning = "; ".join(warnings)[:MAX_WARNING_LENGTH]


def check_expiry(expires_at: datetime, now: datetime) -> None:
    """Raise ``ExpiryRefused`` when tags may not expire then."""
    nearest = now + parse_lifetime(settings.BERTH.LABELED_EXPIRATION_MINIMUM)
    farthest = now + parse_lifetime(settings.BERTH.LABELED_EXPIRATION_MAXIMUM)
    if not nearest <= expires_at <= farthest:
        raise ExpiryRefused(
            f"a tag may expire from {nearest:%Y-%m-%d %H:%M} to {farthest:%Y-%m-%d %H:%M} UTC"
            " (LABELED_EXPIRATION_MINIMUM and LABELED_EXPIRATION_MAXIMUM), and"
            f" {expires_at:%Y-%m-%d %H:%M} is not"
        )
