"""Telling of tags that are about to expire, as many days before as each hook says."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from accounts.audit.services import SYSTEM
from registry.events.kinds import EventType
from registry.events.models import Event, Hook
from registry.events.outbox import note
from registry.tags.models import Tag

MOST_OF_A_HOOK: Final = 500  # in one run
_REMEMBERED: Final = timedelta(days=31)  # longer than events are kept


def note_expiring_tags(*, now: datetime) -> int:
    """Tell once of each end that comes near, for each number of days that hooks ask for; return
    how many are told of now."""
    hooks = Hook.objects.active().order_by("pk")
    asking = [hook for hook in hooks if EventType.TAG_EXPIRING in hook.events]
    places = {(hook.repository_id, hook.namespace_id, hook.days) for hook in asking}
    return sum(_note(*place, now=now) for place in places)


def _note(repository: int | None, namespace: int | None, days: int, *, now: datetime) -> int:
    place = Q(repository=repository) if repository else Q()
    place &= Q(repository__namespace=namespace) if namespace else Q()
    near = Tag.objects.live().filter(expires_at__gt=now, expires_at__lte=now + timedelta(days=days))
    rows = near.filter(place, repository__deleted_at=None).order_by("expires_at", "pk")
    rows = rows.select_related("repository", "manifest").defer("manifest__body")
    tags = {f"{tag.pk} {_end(tag)} {days}": tag for tag in rows[:MOST_OF_A_HOOK]}
    known = Event.objects.told(EventType.TAG_EXPIRING, "occasion", tags, since=now - _REMEMBERED)
    told = 0
    for occasion, tag in tags.items():
        if occasion in known:
            continue
        with transaction.atomic():
            note(
                EventType.TAG_EXPIRING,
                repository=tag.repository,
                now=now,
                by=SYSTEM,
                tag=tag.name,
                **tag.manifest.told,
                expires_at=_end(tag),
                days=days,
                occasion=occasion,
            )
        told += 1
    return told


def _end(tag: Tag) -> str:
    return tag.expires_at.isoformat() if tag.expires_at else ""
