"""The teams of an organization, who is in them, and what they may."""

from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.names import is_name
from accounts.organizations import invitations, services
from accounts.organizations.models import Team, TeamRole
from accounts.users.models import Robot, User
from registry.access.holders import user_or_robot
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import NotFound, OrganizationView
from registry.api.management.bodies import Body, Choice, Text
from registry.api.management.documents import account, avatar, is_true
from registry.api.management.paging import page_of
from registry.repositories.models import RepositoryGrant


class TeamChange(Body):
    role = Choice(TeamRole.values)
    description = Text(required=False, allow_blank=True, max_length=255)


class TeamView(OrganizationView):
    bodies = {"PUT": TeamChange}

    def put(self, request: Request, organization: str, team: str) -> Response:
        fields = self.read()
        role = TeamRole(fields["role"])
        row = self.organization.teams.filter(name=team).first() if is_name(team) else None
        is_new = row is None
        if row is None:
            row = services.create_team(
                organization=self.organization,
                name=team,
                role=role,
                description=fields.get("description", ""),
                **self.change,
            )
        else:
            self._change(row, role, fields.get("description", row.description))
        return Response(
            {
                "name": row.name,
                "description": row.description,
                "can_view": True,
                "role": row.role,
                "avatar": avatar(row.name, "team"),
                "new_team": is_new,
            }
        )

    def delete(self, request: Request, organization: str, team: str) -> Response:
        try:
            row = team_of(self, team)
        except NotFound as error:
            raise RequestInvalid(error.reason) from error  # as Quay answers
        services.delete_team(team=row, **self.change)
        return Response(status=204)

    def _change(self, team: Team, role: TeamRole, description: str) -> None:
        team.organization = self.organization
        with transaction.atomic():  # all or nothing
            if role != team.role:
                services.set_team_role(team=team, role=role, **self.change)
            if description != team.description:
                services.describe_team(team=team, description=description, **self.change)


class TeamMembersView(OrganizationView):
    def get(self, request: Request, organization: str, team: str) -> Response:
        team_row = team_of(self, team)
        rows = team_row.members.select_related("user", "robot__namespace")
        page = page_of(request, rows, order="id")
        members = [_member(row.user or row.robot, is_invited=False) for row in page.rows]
        is_owner = "administrator" in self.standings
        if is_owner and not page.next and is_true(request.query_params.get("includePending")):
            waiting = team_row.invitations.alive(self.now).select_related("user")
            shown = waiting.order_by("user__username")[: invitations.MOST_OF_A_TEAM]
            members += [_member(row.user, is_invited=True) for row in shown]
        return Response({"name": team, "members": members, "can_edit": is_owner, **page.more})


class TeamMemberView(OrganizationView):
    def put(self, request: Request, organization: str, team: str, member: str) -> Response:
        row = team_of(self, team)
        somebody = self._somebody(member)
        if row.members.filter(**_column(somebody)).exists():
            raise RequestInvalid(f"{somebody} is already a member of the team {team}")
        is_in = invitations.add_or_invite(team=row, member=somebody, **self.change)
        return Response(_member(somebody, is_invited=not is_in))

    def delete(self, request: Request, organization: str, team: str, member: str) -> Response:
        row = team_of(self, team)
        somebody = self._somebody(member)
        if row.members.filter(**_column(somebody)).exists():
            services.remove_member(team=row, member=somebody, **self.change)
            return Response(status=204)
        invited = row.invitations.filter(user=somebody if isinstance(somebody, User) else None)
        invitation = invited.select_related("user").first()
        if invitation is None:
            raise NotFound(f"{somebody} is not in the team {team}")
        invitation.team = row
        invitations.withdraw(invitation=invitation, **self.change)
        return Response(status=204)

    def _somebody(self, name: str) -> User | Robot:
        return user_or_robot(name, place=self.namespace, asker=self.principal)


class TeamPermissionsView(OrganizationView):
    def get(self, request: Request, organization: str, team: str) -> Response:
        grants = RepositoryGrant.objects.filter(team=team_of(self, team))
        return Response(granted(request, grants))


def granted(request: Request, grants: Any) -> dict[str, Any]:
    """The repositories in which somebody has a role."""
    rows = grants.filter(repository__deleted_at=None).select_related("repository")
    page = page_of(request, rows, order="id")
    permissions = [
        {
            "repository": {"name": row.repository.name, "is_public": row.repository.is_public},
            "role": row.role,
        }
        for row in page.rows
    ]
    return {"permissions": permissions, **page.more}


def team_of(view: OrganizationView, name: str) -> Team:
    team = view.organization.teams.filter(name=name).first() if is_name(name) else None
    if team is None:
        raise NotFound(f"the organization {view.organization.name} has no team {name[:255]}")
    team.organization = view.organization
    return team


def _member(somebody: User | Robot | None, *, is_invited: bool) -> dict[str, Any]:
    if somebody is None:
        raise AssertionError("a constraint of the table forbids it")
    return {**account(somebody), "invited": is_invited}


def _column(somebody: User | Robot) -> dict[str, Any]:
    return {"user" if isinstance(somebody, User) else "robot": somebody}
