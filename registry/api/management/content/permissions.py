"""Who was given which role in a repository, person by person, robot by robot, team by team."""

from typing import Any

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import AccountError
from accounts.organizations.models import Organization, Team, TeamMember
from accounts.users.models import Robot, User
from registry.access.explanation import Source, explain
from registry.access.holders import TeamUnknown, team_named, user_or_robot
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import NotFound, RepositoryView
from registry.api.management.bodies import Body, Choice
from registry.api.management.documents import account, avatar
from registry.api.management.paging import page_of
from registry.repositories.models import Repository, RepositoryGrant, Role
from registry.repositories.services import grant, revoke

_NO_ROLES = frozenset({Source.PUBLIC, Source.SUPERUSER})


class RoleChoice(Body):
    role = Choice(Role.values)


class _PermissionsView(RepositoryView):
    def settle(self, **kwargs: Any) -> None:
        super().settle(**kwargs)
        rows = Repository.objects.select_related("namespace__organization", "namespace__user")
        row = rows.filter(pk=self.repository.pk).first()
        if row is None:
            raise NotFound(f"there is no repository {self.path}")
        self.row = row

    @property
    def organization(self) -> Organization | None:
        return getattr(self.row.namespace, "organization", None)

    @property
    def owner(self) -> User | None:
        """The person in whose own namespace it is, who administers it without having been given
        a role."""
        return getattr(self.row.namespace, "user", None)

    @property
    def grants(self) -> Any:
        rows = RepositoryGrant.objects.filter(repository=self.row)
        return rows.select_related(
            "user", "robot__namespace", "team__organization__namespace", "repository"
        )

    def somebody(self, name: str) -> User | Robot:
        """Raises ``AccountError``."""
        robots = Robot.objects.filter(grants__repository=self.row)
        return user_or_robot(name, place=self.row.namespace, asker=self.principal, known=robots)

    def team(self, name: str) -> Team:
        """Raises ``TeamUnknown``."""
        if self.organization is None:
            raise TeamUnknown(name[:255], self.row.namespace.name)
        return team_named(name, self.organization)

    def of_account(self, row: RepositoryGrant, members: set[int]) -> dict[str, Any]:
        holder = row.user or row.robot
        if holder is None:
            raise AssertionError("a grant of a team is asked for elsewhere")
        about = account(holder)
        document = {"role": row.role, **about}
        del document["kind"]
        if self.organization is not None:
            owner = row.robot.namespace_id if row.robot else None
            is_own_robot = owner == self.row.namespace_id
            document["is_org_member"] = is_own_robot or row.user_id in members
        return document

    def own(self, owner: User) -> RepositoryGrant:
        """What the owner has, as a grant that stands in no row."""
        return RepositoryGrant(repository=self.row, user=owner, role=Role.ADMIN)

    def members(self, rows: Any) -> set[int]:
        """Of the people in ``rows`` those that are in the organization, by id."""
        if self.organization is None:
            return set()
        users = [row.user_id for row in rows if row.user_id]
        here = TeamMember.objects.filter(team__organization=self.organization, user__in=users)
        return set(here.values_list("user", flat=True))


class UserPermissionsView(_PermissionsView):
    def get(self, request: Request, name: str) -> Response:
        rows = self.grants.filter(team=None)
        if self.owner:
            rows = rows.filter(~Q(user=self.owner))
        page = page_of(request, rows, order="id")
        members = self.members(page.rows)
        documents = [self.of_account(row, members) for row in page.rows]
        if self.owner and not request.query_params.get("next_page"):
            documents.insert(0, self.of_account(self.own(self.owner), members))
        shown = {document["name"]: document for document in documents}
        return Response({"permissions": shown, **page.more})


class UserPermissionView(_PermissionsView):
    bodies = {"PUT": RoleChoice}

    def get(self, request: Request, name: str, user: str) -> Response:
        if self.owner and self.somebody(user) == self.owner:
            return Response(self._document(self.own(self.owner)))
        return Response(self._document(self._grant(user)))

    def put(self, request: Request, name: str, user: str) -> Response:
        role = Role(self.read()["role"])
        holder = self.somebody(user)
        self._refuse_owner(holder)
        grant(repository=self.row, role=role, holder=holder, **self.change)
        return Response(self._document(self._grant(user)))

    def delete(self, request: Request, name: str, user: str) -> Response:
        self._refuse_owner(self.somebody(user))
        revoke(given=self._grant(user), **self.change)
        return Response(status=204)

    def _refuse_owner(self, holder: User | Robot) -> None:
        if holder == self.owner:  # 400, as Quay answers
            raise RequestInvalid(f"{holder} owns {self.path}, and so always administers it")

    def _document(self, row: RepositoryGrant) -> dict[str, Any]:
        return self.of_account(row, self.members([row]))

    def _grant(self, name: str) -> RepositoryGrant:
        holder = self.somebody(name)
        column = "user" if isinstance(holder, User) else "robot"
        row: RepositoryGrant | None = self.grants.filter(**{column: holder}).first()
        if row is None:  # 400, as Quay answers
            raise RequestInvalid(f"User does not have permission for repo: {name[:255]}")
        return row


class TransitivePermissionView(_PermissionsView):
    """What somebody may do, by whatever way they came to it."""

    def get(self, request: Request, name: str, user: str) -> Response:
        holder = self.somebody(user)
        reasons = explain(account=holder, repository=self.row).reasons
        roles = {one.role or "admin" for one in reasons if one.source not in _NO_ROLES}
        if not roles:
            raise NotFound(f"{holder} has no role in {self.path}")
        return Response({"permissions": [{"role": role} for role in sorted(roles)]})


class TeamPermissionsView(_PermissionsView):
    def get(self, request: Request, name: str) -> Response:
        page = page_of(request, self.grants.filter(team__isnull=False), order="id")
        shown = {row.team.name: _of_team(row) for row in page.rows}
        return Response({"permissions": shown, **page.more})


class TeamPermissionView(_PermissionsView):
    bodies = {"PUT": RoleChoice}

    def get(self, request: Request, name: str, team: str) -> Response:
        try:
            return Response(_of_team(self._grant(team)))
        except AccountError as error:
            raise NotFound(str(error)) from error

    def put(self, request: Request, name: str, team: str) -> Response:
        role = Role(self.read()["role"])
        grant(repository=self.row, role=role, holder=self.team(team), **self.change)
        return Response(_of_team(self._grant(team)))

    def delete(self, request: Request, name: str, team: str) -> Response:
        try:
            revoke(given=self._grant(team), **self.change)
        except NotFound as error:
            raise RequestInvalid(error.reason) from error  # as Quay answers
        return Response(status=204)

    def _grant(self, name: str) -> RepositoryGrant:
        row: RepositoryGrant | None = self.grants.filter(team=self.team(name)).first()
        if row is None:
            raise NotFound(f"the team {name[:255]} has no role in {self.path}")
        return row


def _of_team(row: RepositoryGrant) -> dict[str, Any]:
    name = row.team.name if row.team else ""
    return {"role": row.role, "name": name, "avatar": avatar(name, "team")}
