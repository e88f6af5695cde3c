"""How a repository is set: whether everybody may pull, and its end."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from registry.access.explanation import holders_of
from registry.repositories.deletion import lifetime_of_deleted
from registry.repositories.services import set_visibility
from ui.amounts import distance
from ui.pages import RepositoryPage


class SettingsPage(RepositoryPage):
    template = "ui/repositories/settings.html"
    actions = {"GET": "*"}
    tab = "settings"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self.render(
            crumb="Settings",
            kind=self.repository.kind,
            lifetime=distance(lifetime_of_deleted()),
        )


class VisibilityPage(RepositoryPage):
    """Public or private: says beforehand who gains and who loses."""

    template = "ui/repositories/visibility.html"
    actions = {"GET": "*", "POST": "*"}
    tab = "settings"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self.render(
            crumb="Visibility",
            kind=self.repository.kind,
            holders=holders_of(self.repository) if self.repository.is_public else None,
            without_signing_in=settings.FEATURE_ANONYMOUS_ACCESS,
        )

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        is_public = request.POST.get("visibility") == "public"
        set_visibility(repository=self.repository, is_public=is_public, now=self.now, by=self.by)
        text = f"{repository} is {'public' if is_public else 'private'} now."
        return self.done(text, "ui:repository_settings", repository=repository)
