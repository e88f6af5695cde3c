"""Robots of organizations and people.

A token is in the answer that makes it, and no other, unless ``ROBOT_TOKENS_READABLE`` names the
namespace.
"""

from typing import Any

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials.robots.readable import readable_secret
from accounts.credentials.services import issue_robot_token
from accounts.credentials.workloads.federation import Workload, federations_of, set_federations
from accounts.errors import RobotExists
from accounts.names import is_name
from accounts.organizations.models import TeamMember
from accounts.users import services
from accounts.users.models import Robot
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import NamespaceView
from registry.api.management.bodies import Body, Object, Text
from registry.api.management.documents import avatar, is_true, unstored, written_date
from registry.api.management.paging import MOST, number, page_of
from registry.api.management.people.teams import granted
from registry.repositories.models import RepositoryGrant


class NewRobot(Body):
    description = Text(required=False, allow_blank=True, max_length=255)
    unstructured_metadata = Object(required=False)


class RobotsView(NamespaceView):
    def get(self, request: Request, organization: str = "") -> Response:
        robots: QuerySet[Robot] = self.namespace.robots.select_related("namespace")
        robots = robots.prefetch_related("tokens")
        with_rights = is_true(request.query_params.get("permissions"))
        with_token = is_true(request.query_params.get("token", "true"))
        if with_rights:
            robots = _with_rights(robots)
        size = number(request, "limit", MOST, MOST)
        page = page_of(request, robots, order="short_name", size=size)
        documents = []
        for robot in page.rows:
            robot.namespace = self.namespace
            document = _document(robot)
            if not with_token:
                del document["token"]
            if with_rights:
                document |= _rights(robot)
            documents.append(document)
        return unstored(Response({"robots": documents, **page.more}))


class _OneRobotView(NamespaceView):
    def robot_of(self, robot: str) -> Robot:
        robots = self.namespace.robots.prefetch_related("tokens").filter(short_name=robot)
        row = robots.first() if is_name(robot) else None
        if row is None:  # 400, as Quay answers
            raise RequestInvalid(f"could not find robot {self.namespace.name}+{robot[:255]}")
        row.namespace = self.namespace
        return row


class RobotView(_OneRobotView):
    bodies = {"PUT": NewRobot}

    def get(self, request: Request, robot: str, organization: str = "") -> Response:
        row = self.robot_of(robot)
        document = {**_document(row), "unstructured_metadata": row.metadata or {}}
        return unstored(Response(document))

    def put(self, request: Request, robot: str, organization: str = "") -> Response:
        fields = self.read()
        try:
            with transaction.atomic():  # no robot without a token
                made = services.create_robot(
                    owner=self.namespace,
                    short_name=robot,
                    description=fields.get("description", ""),
                    metadata=fields.get("unstructured_metadata"),
                    **self.change,
                )
                secret = issue_robot_token(robot=made, **self.change)
        except RobotExists as error:
            name = f"{self.namespace.name}+{robot}"
            raise RequestInvalid(f"Existing robot with name: {name}") from error
        document = {**_document(made, secret), "unstructured_metadata": made.metadata}
        return unstored(Response(document, status=201))

    def delete(self, request: Request, robot: str, organization: str = "") -> Response:
        services.delete_robot(robot=self.robot_of(robot), **self.change)
        return Response(status=204)


class NewTokenView(_OneRobotView):
    """A token in the place of the one it has."""

    def post(self, request: Request, robot: str, organization: str = "") -> Response:
        row = self.robot_of(robot)
        secret = issue_robot_token(robot=row, **self.change)
        return unstored(Response(_document(row, secret)))


class Federation(Body):
    issuer = Text(max_length=500)
    subject = Text(max_length=500)
    audience = Text(required=False, allow_blank=True, max_length=500)


class FederationView(_OneRobotView):
    """Which workloads log in as it by what their platform says of them."""

    bodies = {"POST": Federation}
    takes_lists = True

    def get(self, request: Request, robot: str, organization: str = "") -> Response:
        return Response(_federations(self.robot_of(robot)))

    def post(self, request: Request, robot: str, organization: str = "") -> Response:
        row = self.robot_of(robot)
        workloads = [Workload(**fields) for fields in self.read_list()]
        set_federations(robot=row, workloads=workloads, **self.change)
        return Response(_federations(row))

    def delete(self, request: Request, robot: str, organization: str = "") -> Response:
        set_federations(robot=self.robot_of(robot), workloads=(), **self.change)
        return Response(status=204)


class RobotPermissionsView(_OneRobotView):
    def get(self, request: Request, robot: str, organization: str = "") -> Response:
        grants = RepositoryGrant.objects.filter(robot=self.robot_of(robot))
        return Response(granted(request, grants))


def _federations(robot: Robot) -> list[dict[str, str]]:
    return [
        {
            "issuer": row.issuer,
            "subject": row.subject,
            **({"audience": row.audience} if row.audience else {}),
        }
        for row in federations_of(robot)
    ]


def _document(robot: Robot, secret: str | None = None) -> dict[str, Any]:
    """``secret`` is that of the token that was made just now."""
    token = next(iter(robot.tokens.all()), None)
    return {
        "name": robot.name,
        "created": written_date(robot.created_at),
        "last_accessed": written_date(token.last_used_at) if token else None,
        "description": robot.description,
        "token": secret or readable_secret(token, robot=robot),
    }


def _with_rights(robots: QuerySet[Robot]) -> QuerySet[Robot]:
    grants = RepositoryGrant.objects.filter(repository__deleted_at=None)
    return robots.prefetch_related(
        Prefetch("grants", queryset=grants.select_related("repository"), to_attr="live_grants"),
        Prefetch(
            "team_memberships",
            queryset=TeamMember.objects.select_related("team"),
            to_attr="memberships",
        ),
    )


def _rights(robot: Any) -> dict[str, Any]:
    teams = sorted(row.team.name for row in robot.memberships)
    return {
        "teams": [{"name": name, "avatar": avatar(name, "team")} for name in teams],
        "repositories": sorted(row.repository.name for row in robot.live_grants),
    }
