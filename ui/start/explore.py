"""Looking around: what everybody may pull, and organizations."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from accounts.organizations.models import Organization, TeamInvitation, TeamMember
from accounts.users.models import Namespace
from registry.repositories.models import Repository
from ui.display.kinds import of_group
from ui.pages import Page, sign_in
from ui.paging import page_of
from ui.repository_rows import repository_rows

KINDS = (("", "All"), ("helm", "Helm charts"), ("images", "Images"), ("other", "Other"))


class ExplorePage(Page):
    template = "ui/start/explore.html"
    nav = "explore"

    def refusal(self) -> HttpResponseBase | None:
        is_closed = self.user is None and not settings.BERTH.FEATURE_ANONYMOUS_ACCESS
        return sign_in(self.request) if is_closed else None

    def get(self, request: HttpRequest) -> HttpResponse:
        kind = request.GET.get("kind", "")
        page = page_of(
            request,
            of_group(Repository.objects.filter(is_public=True), kind),
            order=("-last_pushed_at", "-id"),
        )
        response = self.render(
            "ui/start/explore_list.html" if self.wants_part else "",
            kind=kind if kind in dict(KINDS) else "",
            kinds=KINDS,
            page=page,
            rows=repository_rows(page.rows, now=self.now),
        )
        patch_vary_headers(response, ["HX-Request"])
        return response


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    """``teams`` are those the visitor is in."""

    organization: Organization
    teams: Sequence[str]


class OrganizationsPage(Page):
    template = "ui/start/organizations.html"
    nav = "organizations"
    must_sign_in = True

    def get(self, request: HttpRequest) -> HttpResponse:
        shows_all = self.visitor.is_superuser and "all" in request.GET
        namespaces = Namespace.objects.filter(organization__isnull=False).select_related(
            "organization"
        )
        if not shows_all:
            mine = TeamMember.objects.filter(user=self.visitor.id)
            namespaces = namespaces.filter(organization__in=mine.values("team__organization"))
        page = page_of(request, namespaces, order=("name",))
        organizations = [namespace.organization for namespace in page.rows]
        teams = self._teams(organizations)
        return self.render(
            page=page,
            rows=[OrganizationRow(one, teams.get(one.pk, [])) for one in organizations],
            shows_all=shows_all,
            is_invited=TeamInvitation.objects.alive(self.now).filter(user=self.visitor.id).exists(),
        )

    def _teams(self, organizations: Sequence[Organization]) -> Mapping[int, Sequence[str]]:
        names_by_organization: dict[int, list[str]] = defaultdict(list)
        members = TeamMember.objects.filter(
            user=self.visitor.id, team__organization__in=organizations
        )
        for organization, name in members.order_by("team__name").values_list(
            "team__organization", "team__name"
        ):
            names_by_organization[organization].append(name)
        return names_by_organization
