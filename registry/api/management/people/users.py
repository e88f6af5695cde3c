"""People: who calls, who others are, and what a name stands for."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.audit.services import Actor
from accounts.names import is_name
from accounts.organizations.models import Organization, TeamMember
from accounts.users.models import Namespace, Robot, User
from accounts.users.services import create_user
from artifacts.oci.errors import TooManyRequests
from registry.access.holders import people_in_sight
from registry.access.rights import sees_everything
from registry.access.standings import standings
from registry.api.http.failures import RequestInvalid
from registry.api.http.login import address_of
from registry.api.management.base import ManagementView, NotFound, account_named
from registry.api.management.bodies import Body, Text
from registry.api.management.documents import (
    account,
    avatar,
    is_true,
    quota_report,
    unstored,
    written_date,
)
from registry.api.management.people.logins import ERRORS
from registry.api.management.sessions import check_token
from registry.events.models import Notice
from registry.repositories.models import administered_namespaces
from registry.tags.time_machine import time_machine_of

_MOST_ORGANIZATIONS = 500
_MOST_FOUND = 10
_MOST_NOTICES = 20


class NewAccount(Body):
    username = Text(max_length=255)
    password = Text(max_length=4096)
    email = Text(required=False, allow_blank=True, max_length=254)


class UserView(ManagementView):
    """Who calls; and an account for somebody who has none, where strangers may make one."""

    bodies = {"POST": NewAccount}

    def post(self, request: Request) -> Response:
        """Like the page for it: where mail is sent, the address is verified at the first sign-in
        there, and no client logs in before."""
        check_token(request)
        adapter = get_account_adapter(request._request)
        if not adapter.is_open_for_signup(request._request):
            raise NotFound("nobody makes an account for themselves here (FEATURE_USER_CREATION)")
        fields = self.read()
        email, must_verify = fields.get("email", ""), settings.BERTH.FEATURE_MAILING
        if must_verify and not email:
            raise RequestInvalid("email is required")
        if not ratelimit.consume(request._request, action="signup"):
            raise TooManyRequests("wait a minute", retry_after_seconds=60)
        with transaction.atomic():
            user = create_user(
                username=fields["username"],
                password=fields["password"],
                email=email,
                now=self.now,
                by=Actor(fields["username"][:255], address=address_of(request)),
            )
            if must_verify:
                EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
        return unstored(Response({"awaiting_verification": must_verify}))

    def get(self, request: Request) -> Response:
        user = self.user
        return Response(
            {
                "anonymous": False,
                "username": user.username,
                "avatar": avatar(user.username, "user"),
                "can_create_repo": True,
                "is_me": True,
                "verified": True,
                "email": user.email,
                "logins": [],
                "invoice_email": False,
                "invoice_email_address": None,
                "preferred_namespace": False,
                "tag_expiration_s": int(time_machine_of(user.namespace).total_seconds()),
                "prompts": [],
                "company": None,
                "family_name": None,
                "given_name": None,
                "location": None,
                "is_free_account": False,
                "has_password_set": user.has_usable_password(),
                "quotas": [],
                "quota_report": quota_report(),
                "organizations": self._organizations(),
                "super_user": self.principal.is_superuser,
            }
        )

    def _organizations(self) -> list[dict[str, Any]]:
        here = TeamMember.objects.filter(team__organization=OuterRef("pk"), user=self.user)
        may_create = here.filter(team__role__in=["admin", "creator"])
        organizations = (
            Organization.objects.filter(Exists(here))
            .annotate(is_owner=Exists(here.filter(team__role="admin")))
            .annotate(may_create=Exists(may_create))
            .select_related("namespace")
            .order_by("namespace__name")
        )
        return [
            {
                "name": row.name,
                "avatar": avatar(row.name, "org"),
                "can_create_repo": row.may_create,
                "public": False,
                "is_org_admin": row.is_owner,
                "preferred_namespace": False,
            }
            for row in organizations[:_MOST_ORGANIZATIONS]
        ]


class OtherUserView(ManagementView):
    """Somebody, by name. Whoever has logged in may ask."""

    def get(self, request: Request, user: str) -> Response:
        row = User.objects.filter(username=user).first() if is_name(user) else None
        if row is None:
            raise NotFound(f"there is no user {user[:255]}")
        document = {
            "anonymous": False,
            "username": row.username,
            "avatar": avatar(row.username, "user"),
        }
        if self.principal.is_superuser:
            document["super_user"] = row.is_superuser
        return Response(document)


class EntitiesView(ManagementView):
    """What names begin with a text: people, robots and teams of a namespace, organizations.

    People are found by their whole name; by its beginning only who is in an organization with the
    caller.
    """

    def get(self, request: Request, prefix: str) -> Response:
        parameters = request.query_params
        place = account_named(parameters.get("namespace", ""))
        place_standings = standings(self.principal, place) if place else frozenset()
        entities = self._users(prefix)
        if place is not None and "administrator" in place_standings:
            entities += self._robots(prefix, place)
        if (
            is_true(parameters.get("includeTeams"))
            and place is not None
            and "member" in place_standings
        ):
            entities += self._teams(prefix, place)
        if is_true(parameters.get("includeOrgs")):
            entities += self._organizations(prefix)
        if organization := getattr(place, "organization", None):
            self._mark_members(entities, organization)
        return Response({"results": entities[:_MOST_FOUND]})

    def _users(self, prefix: str) -> list[dict[str, Any]]:
        if not prefix.isascii() or not prefix.isprintable():
            return []
        people = people_in_sight(prefix, asker=self.principal)
        rows = people.filter(username__startswith=prefix).order_by("username")[:_MOST_FOUND]
        return [account(row) for row in rows]

    def _robots(self, prefix: str, place: Namespace) -> list[dict[str, Any]]:
        owner, plus, short = prefix.partition("+")
        if not (owner == place.name if plus else place.name.startswith(owner)):
            return []
        if not short.isascii() or not short.isprintable():
            return []
        robots = Robot.objects.select_related("namespace").filter(namespace=place)
        rows = robots.filter(short_name__startswith=short).order_by("short_name")
        return [account(row) for row in rows[:_MOST_FOUND]]

    def _teams(self, prefix: str, place: Namespace) -> list[dict[str, Any]]:
        organization: Organization | None = getattr(place, "organization", None)
        if organization is None or not (prefix.isascii() and prefix.isprintable()):
            return []
        teams = organization.teams.filter(name__startswith=prefix).order_by("name")
        return [
            {
                "name": team.name,
                "kind": "team",
                "is_org_member": True,
                "avatar": avatar(team.name, "team"),
            }
            for team in teams[:_MOST_FOUND]
        ]

    def _organizations(self, prefix: str) -> list[dict[str, Any]]:
        if not prefix.isascii() or not prefix.isprintable():
            return []
        names = Namespace.objects.filter(organization__isnull=False, name__startswith=prefix)
        if not sees_everything(self.principal):
            member = TeamMember.objects.filter(
                user=self.principal.id, team__organization__namespace=OuterRef("pk")
            )
            names = names.filter(
                Q(Exists(member)) | Q(pk__in=administered_namespaces(self.principal).values("pk"))
            )
        page = names.order_by("name").values_list("name", flat=True)[:_MOST_FOUND]
        return [
            {"name": name, "kind": "org", "is_org_member": True, "avatar": avatar(name, "org")}
            for name in page
        ]

    @staticmethod
    def _mark_members(entities: list[dict[str, Any]], organization: Organization) -> None:
        names = [one["name"] for one in entities if one["kind"] == "user" and not one["is_robot"]]
        here = set(
            User.objects.filter(
                username__in=names, team_memberships__team__organization=organization
            ).values_list("username", flat=True)
        )
        for one in entities:
            if one["kind"] == "user":
                one["is_org_member"] = one["name"] in here or one["is_robot"]


class NotificationsView(ManagementView):
    """What hooks had to tell somebody, the newest first."""

    def get(self, request: Request) -> Response:
        rows = Notice.objects.filter(user=self.user).select_related("event").order_by("-id")
        notices = list(rows[: _MOST_NOTICES + 1])
        return Response(
            {
                "notifications": [_notice(row) for row in notices[:_MOST_NOTICES]],
                "additional": len(notices) > _MOST_NOTICES,
            }
        )


def _notice(row: Notice) -> dict[str, Any]:
    facts = row.event.facts
    return {
        "id": str(row.uuid),
        "organization": None,
        "kind": row.event.type,
        "created": written_date(row.event.at),
        "metadata": facts,
        "dismissed": row.is_read,
    }


class ErrorView(ManagementView):
    """What a type of error means."""

    def get(self, request: Request, kind: str) -> Response:
        if kind not in ERRORS:
            raise NotFound(f"there is no error of the type {kind[:50]}")
        title, description = ERRORS[kind]
        return Response({"type": kind, "title": title, "description": description})


class CapabilitiesView(ManagementView):
    """What this registry stores that others may not."""

    def get(self, request: Request) -> Response:
        sparse = {
            "supported": True,
            "required_architectures": [],
            "optional_architectures_allowed": True,
        }
        return Response({"sparse_manifests": sparse, "mirror_architectures": []})
