"""Organizations: those that one is in, and for superusers all."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from accounts.organizations.models import Organization, TeamMember
from accounts.users.models import Namespace
from ui.pages import Page
from ui.paging import page_of


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
        found = Namespace.objects.filter(organization__isnull=False).select_related("organization")
        if not shows_all:
            mine = TeamMember.objects.filter(user=self.visitor.id)
            found = found.filter(organization__in=mine.values("team__organization"))
        page = page_of(request, found, order=("name",))
        organizations = [namespace.organization for namespace in page.rows]
        teams = self._teams(organizations)
        return self.render(
            page=page,
            rows=[OrganizationRow(one, teams.get(one.pk, [])) for one in organizations],
            shows_all=shows_all,
        )

    def _teams(self, organizations: Sequence[Organization]) -> Mapping[int, Sequence[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        members = TeamMember.objects.filter(
            user=self.visitor.id, team__organization__in=organizations
        )
        for organization, name in members.order_by("team__name").values_list(
            "team__organization", "team__name"
        ):
            found[organization].append(name)
        return found
