"""Organizations: made, shown, changed and deleted; and who is in them."""

from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.names import is_name
from accounts.organizations import services
from accounts.organizations.models import Organization, Team, TeamMember
from accounts.users.models import User
from registry.api.management.base import ManagementView, NotFound, OrganizationView
from registry.api.management.bodies import Body, Number, Text, Truth
from registry.api.management.documents import avatar, quota_report
from registry.api.management.paging import Page, page_of
from registry.repositories.deletion import delete_organization
from registry.repositories.models import RepositoryGrant
from registry.tags.time_machine import set_time_machine, time_machine_of


class NewOrganization(Body):
    name = Text(max_length=255)
    email = Text(required=False, allow_blank=True, max_length=254)


class OrganizationChange(Body):
    email = Text(required=False, allow_blank=True, max_length=254)
    tag_expiration_s = Number(required=False)
    invoice_email = Truth(required=False)


class OrganizationsView(ManagementView):
    bodies = {"POST": NewOrganization}

    def post(self, request: Request) -> Response:
        fields = self.read()
        services.create_organization(
            name=fields["name"], email=fields.get("email", ""), owner=self.user, **self.change
        )
        return Response("Created", status=201)


class OneOrganizationView(OrganizationView):
    bodies = {"PUT": OrganizationChange}

    def get(self, request: Request, organization: str) -> Response:
        return Response(self._document(self._teams()))

    def put(self, request: Request, organization: str) -> Response:
        fields, teams = self.read(), self._teams()
        with transaction.atomic():  # all or nothing
            if "email" in fields:
                services.change_email(
                    organization=self.organization, email=fields["email"], **self.change
                )
            if "tag_expiration_s" in fields:
                set_time_machine(
                    namespace=self.namespace,
                    lifetime=f"{fields['tag_expiration_s']}s",
                    **self.change,
                )
        return Response(self._document(teams))

    def delete(self, request: Request, organization: str) -> Response:
        delete_organization(organization=self.organization, **self.change)
        return Response(status=204)

    def _teams(self) -> Page[Team]:
        return page_of(self.request, _counted(self.organization), order="name")

    def _document(self, page: Page[Team]) -> dict[str, Any]:
        name = self.organization.name
        teams = [team_document(team, standings=self.standings) for team in page.rows]
        is_owner = "administrator" in self.standings
        return {
            "name": name,
            "email": self.organization.email if is_owner else "",
            "avatar": avatar(name, "org"),
            "is_admin": is_owner,
            "is_member": "member" in self.standings,
            "teams": {team["name"]: team for team in teams},
            "ordered_teams": [team["name"] for team in teams],
            "invoice_email": False,
            "invoice_email_address": None,
            "tag_expiration_s": int(time_machine_of(self.namespace).total_seconds()),
            "is_free_account": False,
            "quotas": [],
            "quota_report": quota_report(),
            **page.more,
        }


class MembersView(OrganizationView):
    def get(self, request: Request, organization: str) -> Response:
        page = page_of(request, members_of(self.organization), order="username")
        return Response({"members": _people(page.rows, self.organization), **page.more})


class MemberView(OrganizationView):
    def get(self, request: Request, organization: str, member: str) -> Response:
        return Response(_people([self._member(member)], self.organization)[0])

    def delete(self, request: Request, organization: str, member: str) -> Response:
        """Takes a person out of all its teams; somebody in none of them is as good as out."""
        user = User.objects.filter(username=member).first() if is_name(member) else None
        if user is None:
            raise NotFound(f"there is no user {member[:255]}")
        with transaction.atomic():  # all or nothing
            services.lock(self.organization.pk)
            for team in self.organization.teams.filter(members__user=user).order_by("pk"):
                services.remove_member(team=team, member=user, **self.change)
        return Response(status=204)

    def _member(self, name: str) -> User:
        members = members_of(self.organization)
        member = members.filter(username=name).first() if is_name(name) else None
        if member is None:
            raise NotFound(f"{name[:255]} is no member of {self.organization.name}")
        return member


class CollaboratorsView(OrganizationView):
    """People who have rights in some of its repositories, and are in none of its teams."""

    def get(self, request: Request, organization: str) -> Response:
        page = page_of(request, collaborators_of(self.organization), order="username")
        return Response({"collaborators": _people(page.rows, self.organization), **page.more})


def members_of(organization: Organization) -> QuerySet[User]:
    here = TeamMember.objects.filter(team__organization=organization)
    teams = here.select_related("team").order_by("team__name")
    return User.objects.filter(Exists(here.filter(user=OuterRef("pk")))).prefetch_related(
        Prefetch("team_memberships", queryset=teams, to_attr="memberships_here")
    )


def collaborators_of(organization: Organization) -> QuerySet[User]:
    here = TeamMember.objects.filter(team__organization=organization, user=OuterRef("pk"))
    granted = _grants(organization).filter(user=OuterRef("pk"))
    return User.objects.filter(Exists(granted), ~Exists(here))


def team_document(team: Team, *, standings: Any) -> dict[str, Any]:
    """Reads ``repo_count`` and ``member_count``, which ``_counted`` adds."""
    return {
        "name": team.name,
        "description": team.description,
        "role": team.role,
        "avatar": avatar(team.name, "team"),
        "can_view": "member" in standings,
        "repo_count": getattr(team, "repo_count", 0),
        "member_count": getattr(team, "member_count", 0),
        "is_synced": False,
    }


def _counted(organization: Organization) -> QuerySet[Team]:
    present = Q(grants__repository__deleted_at=None)
    return organization.teams.annotate(
        repo_count=Count("grants", filter=present, distinct=True),
        member_count=Count("members", distinct=True),
    )


def _people(users: Any, organization: Organization) -> list[dict[str, Any]]:
    """People with their teams and with the repositories in which they have a role of their own."""
    users = list(users)
    names: dict[int, list[str]] = {user.pk: [] for user in users}
    grants = _grants(organization).filter(user__in=users).order_by("repository__name")
    for user, name in grants.values_list("user", "repository__name"):
        names[user].append(name)
    return [_person(user, names[user.pk]) for user in users]


def _person(user: Any, repositories: list[str]) -> dict[str, Any]:
    document = {
        "name": user.username,
        "kind": "user",
        "avatar": avatar(user.username, "user"),
        "repositories": repositories,
    }
    if (memberships := getattr(user, "memberships_here", None)) is not None:
        document["teams"] = [
            {"name": row.team.name, "avatar": avatar(row.team.name, "team")} for row in memberships
        ]
    return document


def _grants(organization: Organization) -> QuerySet[RepositoryGrant]:
    return RepositoryGrant.objects.filter(
        repository__namespace=organization.namespace_id, repository__deleted_at=None
    )
