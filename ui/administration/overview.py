"""The first page about the registry: how much there is, what needs care, what happened last."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.audit.models import AuditEvent
from accounts.organizations.models import Organization
from accounts.users.models import User
from registry.announcements.models import Announcement
from registry.blobs.models import Blob
from registry.repositories.models import Repository
from ui.activity.feed import feed
from ui.administration import health
from ui.administration.pages import RegistryPage
from ui.display.amounts import counted

MOST_COUNTED = 100_000  # of each: more takes longer to count than a page may
_EVENTS_SHOWN = 10


class OverviewPage(RegistryPage):
    template = "ui/administration/overview.html"
    tab = "overview"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(
            people=_count(User.objects.filter(is_active=True)),
            organizations=_count(Organization.objects.all()),
            repositories=_count(Repository.objects.all()),
            storage=health.storage(),
            blobs=_count(Blob.objects.all()),
            troubles=[*health.all_troubles(now=self.now)],
            announced=Announcement.objects.not_over(self.now).count(),
            lines=feed(AuditEvent.objects.order_by("-at", "-id")[:_EVENTS_SHOWN]),
            is_open=settings.BERTH.FEATURE_USER_CREATION is True,
        )


def _count(rows: QuerySet[Any]) -> str:
    """How many there are; of very many only that."""
    return str(counted(rows, MOST_COUNTED))
