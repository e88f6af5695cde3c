"""How this registry is: one page for administrators, with what they would ask a shell for."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from registry.statistics.models import CollectionReport, LoggedError
from ui.administration import health
from ui.administration.pages import RegistryPage

ERRORS_SHOWN = 20


class StatusPage(RegistryPage):
    template = "ui/administration/status.html"
    tab = "status"

    def get(self, request: HttpRequest) -> HttpResponse:
        jobs = health.jobs(now=self.now)
        queue = health.queue(now=self.now)
        storage = health.storage()
        database = health.database()
        return self.render(
            jobs=jobs,
            queue=queue,
            storage=storage,
            database=database,
            processes=health.processes(now=self.now),
            versions=health.versions(),
            upload_places=settings.BERTH.MAXIMUM_CONCURRENT_UPLOADS,
            keys=health.signing_keys(now=self.now),
            collections=CollectionReport.objects.order_by("task"),
            errors=LoggedError.objects.order_by("-last_at", "pk")[:ERRORS_SHOWN],
            troubles=[*health.troubles(jobs=jobs, queue=queue, storage=storage, database=database)],
        )
