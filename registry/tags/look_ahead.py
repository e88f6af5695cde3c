"""Telling of tags that are about to expire, as many days before as each hook says, and of what
people administer to those who asked for it."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.audit.services import SYSTEM
from accounts.organizations.models import Team
from accounts.users.models import Namespace, User
from registry.events.kinds import DAYS_FOR_PEOPLE, EventType
from registry.events.models import Event, Hook
from registry.events.notices import who_wish
from registry.events.outbox import note
from registry.repositories.models import RepositoryGrant
from registry.tags.models import Tag

MOST_OF_A_PLACE: Final = 500  # in one run
_REMEMBERED: Final = timedelta(days=31)  # longer than events are kept


def note_expiring_tags(*, now: datetime) -> int:
    """Tell once of each end that comes near, for each number of days that hooks ask for, and to
    people; return how many are told of now."""
    hooks = Hook.objects.active().order_by("pk")
    asking = [hook for hook in hooks if EventType.TAG_EXPIRING in hook.events]
    places = {(hook.repository_id, hook.namespace_id, hook.days) for hook in asking}
    count = sum(_note(_within(*ids), days, now=now) for *ids, days in places)
    people = who_wish(EventType.TAG_EXPIRING)
    if people.exists():
        count += _note(_administered_by(people), DAYS_FOR_PEOPLE, now=now)
    return count


def _within(repository: int | None, namespace: int | None) -> Q:
    place = Q(repository=repository) if repository else Q()
    return place & (Q(repository__namespace=namespace) if namespace else Q())


def _administered_by(people: QuerySet[User]) -> Q:
    teams = Team.objects.filter(members__user__in=people)
    spaces = Namespace.objects.filter(
        Q(user__in=people) | Q(organization__teams__in=teams.filter(role="admin"))
    )
    grants = RepositoryGrant.objects.filter(Q(user__in=people) | Q(team__in=teams), role="admin")
    return Q(repository__namespace__in=spaces) | Q(repository__in=grants.values("repository"))


def _note(place: Q, days: int, *, now: datetime) -> int:
    near = Tag.objects.live().filter(expires_at__gt=now, expires_at__lte=now + timedelta(days=days))
    rows = near.filter(place, repository__deleted_at=None).order_by("expires_at", "pk")
    rows = rows.select_related("repository", "manifest").defer("manifest__body")
    tags = {f"{tag.pk} {_end(tag)} {days}": tag for tag in rows[:MOST_OF_A_PLACE]}
    noted = Event.objects.noted_values(
        EventType.TAG_EXPIRING, "occasion", tags, since=now - _REMEMBERED
    )
    count = 0
    for occasion, tag in tags.items():
        if occasion in noted:
            continue
        with transaction.atomic():
            note(
                EventType.TAG_EXPIRING,
                repository=tag.repository,
                now=now,
                by=SYSTEM,
                tag=tag.name,
                **tag.manifest.facts,
                expires_at=_end(tag),
                days=days,
                occasion=occasion,
            )
        count += 1
    return count


def _end(tag: Tag) -> str:
    return tag.expires_at.isoformat() if tag.expires_at else ""
