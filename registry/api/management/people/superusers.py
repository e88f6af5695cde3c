"""What superusers do with people and organizations."""

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.audit.services import Actor
from accounts.credentials.principals import ALL_SCOPES
from accounts.credentials.services import issue_application_token
from accounts.names import is_name
from accounts.organizations import services as organizations
from accounts.organizations.models import Organization
from accounts.users import services
from accounts.users.models import User
from accounts.users.passwords import random_password
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import ManagementView, NotFound, account_named
from registry.api.management.bodies import Body, Text, Truth
from registry.api.management.documents import avatar, is_true, quota_report, unstored
from registry.api.management.paging import MOST, number, page_of
from registry.repositories.deletion import delete_organization

FIRST_TOKEN_LASTS: Final = timedelta(seconds=9000)  # as in Quay


class NewUser(Body):
    username = Text(max_length=255)
    email = Text(required=False, allow_blank=True, max_length=254)


class UserChange(Body):
    password = Text(required=False)
    email = Text(required=False, allow_blank=True, max_length=254)
    enabled = Truth(required=False)


class OrganizationRename(Body):
    name = Text(required=False, max_length=255)
    email = Text(required=False, allow_blank=True, max_length=254)


class FirstUser(Body):
    username = Text(max_length=255)
    password = Text(max_length=4096)
    email = Text(required=False, allow_blank=True, max_length=254)
    access_token = Truth(required=False)


class FirstUserView(ManagementView):
    """The account that a registry begins with, for scripts that set one up from nothing."""

    bodies = {"POST": FirstUser}

    def post(self, request: Request) -> Response:
        if not settings.BERTH.FEATURE_USER_INITIALIZE:
            raise RequestInvalid("the first account is not made so (FEATURE_USER_INITIALIZE)")
        fields = self.read()
        by = Actor(fields["username"], address=self.caller.actor.address)
        secret = None
        with transaction.atomic():
            user = organizations.create_first_administrator(
                username=fields["username"],
                password=fields["password"],
                email=fields.get("email", ""),
                now=self.now,
                by=by,
            )
            if fields.get("access_token"):
                secret = issue_application_token(
                    user=user,
                    title="initialize",
                    scopes=ALL_SCOPES,
                    expires_at=self.now + FIRST_TOKEN_LASTS,
                    now=self.now,
                    by=by,
                )
        response = Response(
            {
                "username": user.username,
                "email": user.email,
                "encrypted_password": None,
                **({"access_token": secret} if secret else {}),
            }
        )
        return unstored(response)


class UsersView(ManagementView):
    bodies = {"POST": NewUser}

    def get(self, request: Request) -> Response:
        users = User.objects.all()
        if "disabled" in request.query_params and not is_true(request.query_params["disabled"]):
            users = users.filter(is_active=True)
        size = number(request, "limit", MOST, MOST)
        page = page_of(request, users, order="username", size=size)
        return Response({"users": [_of_user(user) for user in page.rows], **page.more})

    def post(self, request: Request) -> Response:
        """The password is made up and shown this once; pages ask for another one first."""
        fields = self.read()
        password = random_password()
        user = services.create_user(
            username=fields["username"],
            password=password,
            email=fields.get("email", ""),
            must_change_password=True,
            **self.change,
        )
        response = Response(
            {
                "username": user.username,
                "email": user.email,
                "password": password,
                "encrypted_password": None,
            }
        )
        return unstored(response)


class UserView(ManagementView):
    bodies = {"PUT": UserChange}

    def get(self, request: Request, user: str) -> Response:
        return Response(_of_user(self._user(user)))

    def put(self, request: Request, user: str) -> Response:
        fields = self.read()
        account = self._user(user)
        with transaction.atomic():  # all or nothing
            if "email" in fields:
                services.change_email(user=account, email=fields["email"], **self.change)
            if "password" in fields:
                services.change_password(user=account, password=fields["password"], **self.change)
            if "enabled" in fields and fields["enabled"] != account.is_active:
                switch = services.enable_user if fields["enabled"] else services.disable_user
                switch(user=account, **self.change)
        encrypted = {"encrypted_password": None} if "password" in fields else {}
        return Response({**_of_user(account), **encrypted})

    def delete(self, request: Request, user: str) -> Response:
        organizations.delete_account(user=self._user(user), **self.change)
        return Response(status=204)

    def _user(self, name: str) -> User:
        users = User.objects.select_related("namespace")
        # The first administrator has a name that nobody else can have.
        user = users.filter(username=name).first() if is_name(name) else None
        if user is None:
            raise NotFound(f"there is no user {name[:255]}")
        return user


class OrganizationsView(ManagementView):
    def get(self, request: Request) -> Response:
        rows = Organization.objects.select_related("namespace")
        size = number(request, "limit", MOST, MOST)
        page = page_of(request, rows, order="id", size=size)
        shown = [_of_organization(row) for row in page.rows]
        return Response({"organizations": shown, **page.more})


class OrganizationView(ManagementView):
    bodies = {"PUT": OrganizationRename}

    def put(self, request: Request, organization: str) -> Response:
        fields = self.read()
        row = self._organization(organization)
        if fields.get("name", row.name) != row.name:
            raise RequestInvalid("an organization keeps its name: those who pull go by it")
        if "email" in fields:
            organizations.change_email(organization=row, email=fields["email"], **self.change)
        return Response(_of_organization(row))

    def delete(self, request: Request, organization: str) -> Response:
        delete_organization(organization=self._organization(organization), **self.change)
        return Response(status=204)

    def _organization(self, name: str) -> Organization:
        organization: Organization | None = getattr(account_named(name), "organization", None)
        if organization is None:
            raise NotFound(f"there is no organization {name[:255]}")
        return organization


class TakeOwnershipView(ManagementView):
    """Puts who calls among the owners of an organization."""

    def post(self, request: Request, namespace: str) -> Response:
        row = account_named(namespace)
        if row is None:
            raise NotFound(f"there is no namespace {namespace[:255]}")
        organization: Organization | None = getattr(row, "organization", None)
        if organization is None:
            raise RequestInvalid(f"{namespace} is a person, and belongs to nobody else")
        organizations.take_ownership(organization=organization, user=self.user, **self.change)
        return Response({"namespace": namespace})


def _of_user(user: User) -> dict[str, Any]:
    return {
        "kind": "user",
        "name": user.username,
        "username": user.username,
        "email": user.email,
        "verified": True,
        "avatar": avatar(user.username, "user"),
        "super_user": user.is_superuser,
        "global_readonly_super_user": False,
        "enabled": user.is_active,
        "quotas": [],
        "quota_report": quota_report(),
    }


def _of_organization(organization: Organization) -> dict[str, Any]:
    return {
        "name": organization.name,
        "email": organization.email,
        "avatar": avatar(organization.name, "org"),
        "quotas": [],
        "quota_report": quota_report(),
    }
