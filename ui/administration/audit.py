"""Everything that was done in this registry, by whom and from where."""

from django.http import HttpRequest, HttpResponseBase

from accounts.audit.models import AuditEvent, AuditEventQuerySet
from registry.rows.deadlines import TookTooLong, within
from ui.activity.pages import export, log
from ui.administration.pages import RegistryPage
from ui.display.costly import Busy

_DEADLINE_SECONDS = 5.0


class AuditPage(RegistryPage):
    template = "ui/administration/audit.html"
    tab = "audit"

    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponseBase:
        try:
            with within(_DEADLINE_SECONDS):
                shown = log(request, self.events())
        except TookTooLong as error:
            raise Busy from error
        return self.render(shows_addresses=True, **shown)

    def events(self) -> AuditEventQuerySet:
        events: AuditEventQuerySet = AuditEvent.objects.all()
        return events


class AuditExport(AuditPage):
    def get(self, request: HttpRequest, **kwargs: str) -> HttpResponseBase:
        return export(self, self.events(), "registry", with_addresses=True)
