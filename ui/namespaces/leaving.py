"""Leaving a team, or an organization with all its teams, by oneself."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse

from accounts.organizations.models import Team
from accounts.organizations.services import leave
from ui.pages import OrganizationPage


class LeavePage(OrganizationPage):
    template = "ui/namespaces/leave.html"
    standing = {"GET": "member", "POST": "member"}
    tab = "teams"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        return self.render(crumb="Leave", teams=self._teams())

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        name = request.POST.get("team")
        teams = [team for team in self._teams() if name in (None, team.name)]
        if self.user is not None:
            leave(
                organization=self.organization,
                teams=teams,
                user=self.user,
                now=self.now,
                by=self.by,
            )
        if not teams:
            return self.done("You are not in that team.", "ui:leave", namespace=namespace)
        left = f"the team {teams[0].name} of {namespace}" if name is not None else namespace
        return self.done(f"You have left {left}.", "ui:organizations")

    def _teams(self) -> Sequence[Team]:
        return list(self.organization.teams.filter(members__user=self.user).order_by("name"))
