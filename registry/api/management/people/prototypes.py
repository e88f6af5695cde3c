"""What new repositories of an organization grant: its default permissions, in Quay's words."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.organizations import services
from accounts.organizations.models import DefaultPermission, DefaultRole, Team, TeamMember
from accounts.users.models import Robot, User
from registry.access.holders import team_named, user_named, user_or_robot
from registry.api.management.base import NotFound, OrganizationView
from registry.api.management.bodies import Body, Choice, Text
from registry.api.management.documents import account, avatar, id_of, pk_of
from registry.api.management.paging import page_of

_HOLDERS = ("delegate_user", "delegate_robot__namespace", "delegate_team", "activating_user")


class Delegate(Body):
    name = Text(max_length=600)
    kind = Choice(("user", "team"))


class Maker(Body):
    name = Text(max_length=255)


class NewPrototype(Body):
    role = Choice(DefaultRole.values)
    delegate = Delegate()
    activating_user = Maker(required=False)


class PrototypeRole(Body):
    role = Choice(DefaultRole.values)


class _PrototypesView(OrganizationView):
    @property
    def rows(self) -> Any:
        return self.organization.default_permissions.select_related(*_HOLDERS)

    def documents(self, rows: Any) -> list[dict[str, Any]]:
        rows = list(rows)
        users = {pk for row in rows for pk in (row.delegate_user_id, row.activating_user_id) if pk}
        here = TeamMember.objects.filter(team__organization=self.organization, user__in=users)
        members = set(here.values_list("user", flat=True))
        return [self._document(row, members) for row in rows]

    def _document(self, row: DefaultPermission, members: set[int]) -> dict[str, Any]:
        def of(holder: User | Robot) -> dict[str, Any]:
            is_member = isinstance(holder, Robot) or holder.pk in members
            return {**account(holder), "is_org_member": is_member}

        team = row.delegate_team
        holder = row.delegate_user or row.delegate_robot
        return {
            "activating_user": of(row.activating_user) if row.activating_user else None,
            "delegate": of(holder) if holder else _of_team(team),
            "role": row.role,
            "id": id_of(row.pk),
        }

    def set(self, delegate: User | Robot | Team, role: str, maker: User | None) -> Response:
        row = services.set_default_permission(
            organization=self.organization,
            delegate=delegate,
            role=DefaultRole(role),
            activating_user=maker,
            **self.change,
        )
        return Response(self.documents(self.rows.filter(pk=row.pk))[0])


class PrototypesView(_PrototypesView):
    bodies = {"POST": NewPrototype}

    def get(self, request: Request, organization: str) -> Response:
        page = page_of(request, self.rows, order="id")
        return Response({"prototypes": self.documents(page.rows), **page.more})

    def post(self, request: Request, organization: str) -> Response:
        fields = self.read()
        maker = fields.get("activating_user")
        return self.set(
            self._delegate(**fields["delegate"]),
            fields["role"],
            user_named(maker["name"]) if maker else None,
        )

    def _delegate(self, name: str, kind: str) -> User | Robot | Team:
        if kind == "team":
            return team_named(name, self.organization)
        return user_or_robot(name, place=self.namespace, asker=self.principal)


class PrototypeView(_PrototypesView):
    bodies = {"PUT": PrototypeRole}

    def put(self, request: Request, organization: str, prototype: str) -> Response:
        role = self.read()["role"]
        row = self._row(prototype)
        delegate = row.delegate_user or row.delegate_robot or row.delegate_team
        if delegate is None:
            raise AssertionError("a constraint of the table forbids it")
        if isinstance(delegate, Team):
            delegate.organization = self.organization
        return self.set(delegate, role, row.activating_user)

    def delete(self, request: Request, organization: str, prototype: str) -> Response:
        row = self._row(prototype)
        row.organization = self.organization
        services.delete_default_permission(permission=row, **self.change)
        return Response(status=204)

    def _row(self, prototype: str) -> DefaultPermission:
        row: DefaultPermission | None = self.rows.filter(pk=pk_of(prototype)).first()
        if row is None:
            raise NotFound(f"there is no prototype {prototype[:64]}")
        if row.delegate_team:
            row.delegate_team.organization = self.organization
        return row


def _of_team(team: Team | None) -> dict[str, Any]:
    name = team.name if team else ""
    return {"name": name, "kind": "team", "avatar": avatar(name, "team")}
