"""Who did what to tags, where the audit trail knows it."""

from collections.abc import Collection, Mapping
from datetime import datetime

from accounts.audit.models import AuditEvent
from accounts.audit.services import SYSTEM
from registry.repositories.models import Repository

Moment = tuple[str, datetime]  # a tag, and when something happened to it


def actors_of(repository: Repository, moments: Collection[Moment]) -> Mapping[Moment, str]:
    """The name behind each moment that an event tells about, in one query."""
    targets = {f"{repository.path}:{name}"[:600] for name, _ in moments}
    events = AuditEvent.objects.filter(target__in=targets, at__in={at for _, at in moments})
    events = events.exclude(actor=SYSTEM.name)
    start = len(repository.path) + 1
    found = events.order_by("pk").values_list("target", "at", "actor")
    return {(target[start:], at): actor for target, at, actor in found}
