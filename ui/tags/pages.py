"""What the pages about a repository's tags share."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.audit.models import AuditEvent
from accounts.audit.services import SYSTEM
from registry.repositories.models import Repository
from registry.tags.time_machine import time_machine_of
from ui.display.amounts import distance
from ui.pages import RepositoryPage
from ui.repository_rows import summary_of

Moment = tuple[str, datetime]  # a tag, and when something happened to it


class TagsPage(RepositoryPage):
    tab = "tags"

    def context(self) -> dict[str, Any]:
        time_machine = time_machine_of(self.repository.namespace)
        return {
            **super().context(),
            "kind": self.repository.kind,
            "summary": summary_of(self.repository.description),
            "time_machine": time_machine,
            "time_machine_text": distance(time_machine),
            "may_forget": settings.BERTH.PERMANENTLY_DELETE_TAGS and "delete" in self.rights,
        }


def actors_of(repository: Repository, moments: Collection[Moment]) -> Mapping[Moment, str]:
    """The name behind each moment that an event tells about, in one query."""
    targets = {f"{repository.path}:{name}"[:600] for name, _ in moments}
    events = AuditEvent.objects.filter(target__in=targets, at__in={at for _, at in moments})
    events = events.exclude(actor=SYSTEM.name)
    start = len(repository.path) + 1
    found = events.order_by("pk").values_list("target", "at", "actor")
    return {(target[start:], at): actor for target, at, actor in found}
