"""OAuth applications of organizations, their tokens, and the programs that a person let in."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials import applications
from accounts.credentials.models import AccessToken, OAuthApplication, OAuthOffer
from accounts.credentials.principals import read_scopes
from accounts.credentials.services import revoke_token
from registry.api.http.failures import RequestInvalid
from registry.api.management.base import ManagementView, NotFound, OrganizationView
from registry.api.management.bodies import Body, Number, Text
from registry.api.management.documents import avatar, id_of, pk_of, quota_report, unstored
from registry.api.management.paging import page_of
from registry.tags.time_machine import time_machine_of

_LONGEST = timedelta(days=36_500)
_ABOUT = {
    "repo:read": "View all visible repositories",
    "repo:write": "Read and write to any accessible repositories",
    "repo:admin": "Administer repositories",
    "repo:create": "Create repositories",
    "user:read": "Read user information",
    "user:admin": "Administer the user",
    "org:admin": "Administer organizations",
    "super:user": "Administer the registry",
}


class NewApplication(Body):
    name = Text(max_length=255)
    redirect_uri = Text(required=False, allow_blank=True, max_length=2000)
    application_uri = Text(required=False, allow_blank=True, max_length=2000)
    description = Text(required=False, allow_blank=True, max_length=4096)
    avatar_email = Text(required=False, allow_blank=True, max_length=254)


class ApplicationChange(NewApplication):
    redirect_uri = Text(allow_blank=True, max_length=2000)
    application_uri = Text(allow_blank=True, max_length=2000)


class NewApplicationToken(Body):
    name = Text(max_length=255)
    scope = Text(max_length=255)
    expiration = Number(required=False)


class ApplicationsView(OrganizationView):
    bodies = {"POST": NewApplication}

    def get(self, request: Request, organization: str) -> Response:
        rows = self.organization.applications.order_by("pk")
        return Response({"applications": [_document(row) for row in rows]})

    def post(self, request: Request, organization: str) -> Response:
        """With its secret, which is told this once."""
        fields = self.read()
        made, secret = applications.create_application(
            organization=self.organization, **fields, **self.change
        )
        return unstored(Response(_document(made, secret)))


class _OneApplicationView(OrganizationView):
    def application(self, client_id: str) -> OAuthApplication:
        application = applications.application_at(client_id, organization=self.organization)
        if application is None:
            raise _no_application(client_id)
        application.organization = self.organization
        return application


class ApplicationView(_OneApplicationView):
    bodies = {"PUT": ApplicationChange}

    def get(self, request: Request, organization: str, client_id: str) -> Response:
        return Response(_document(self.application(client_id)))

    def put(self, request: Request, organization: str, client_id: str) -> Response:
        fields = self.read()
        application = self.application(client_id)
        applications.change_application(application=application, fields=fields, **self.change)
        return Response(_document(application))

    def delete(self, request: Request, organization: str, client_id: str) -> Response:
        applications.delete_application(application=self.application(client_id), **self.change)
        return Response(status=204)


class NewSecretView(_OneApplicationView):
    def post(self, request: Request, organization: str, client_id: str) -> Response:
        application = self.application(client_id)
        secret = applications.reset_secret(application=application, **self.change)
        return unstored(Response(_document(application, secret)))


class ApplicationTokensView(_OneApplicationView):
    """Tokens that an owner made of their own rights, and that people gave the program."""

    bodies = {"POST": NewApplicationToken}

    def get(self, request: Request, organization: str, client_id: str) -> Response:
        tokens = self.application(client_id).tokens.select_related("user")
        page = page_of(request, tokens, order="id", size=100)
        return Response({"tokens": [_token(token) for token in page.rows], **page.more})

    def post(self, request: Request, organization: str, client_id: str) -> Response:
        fields = self.read()
        token, secret = applications.issue_token(
            application=self.application(client_id),
            user=self.require_person(),
            title=fields["name"],
            scope=fields["scope"],
            caller_scopes=self.principal.scopes,
            expires_at=self._end(fields.get("expiration")),
            **self.change,
        )
        return unstored(Response({**_token(token), "token": secret}))

    def _end(self, seconds: int | None) -> datetime | None:
        """No later than the end of the token that the caller came with."""
        latest = self.principal.expires_at
        if seconds is None:
            return latest
        if not 0 < seconds <= _LONGEST.total_seconds():
            raise RequestInvalid("expiration must be seconds from now, up to a hundred years")
        wanted = self.now + timedelta(seconds=seconds)
        return min(wanted, latest) if latest else wanted


class ApplicationTokenView(_OneApplicationView):
    def delete(self, request: Request, organization: str, client_id: str, token: str) -> Response:
        tokens = self.application(client_id).tokens.select_related("user")
        row = tokens.filter(pk=pk_of(token)).first()
        if row is None:
            raise NotFound(f"there is no token {token[:64]}")
        revoke_token(token=row, **self.change)
        return Response(status=204)


class ApplicationInformationView(ManagementView):
    """What anybody is told who is asked to let a program in."""

    def get(self, request: Request, client_id: str) -> Response:
        application = applications.application_at(client_id)
        if application is None:
            raise _no_application(client_id)
        space = application.organization.namespace
        organization = space.name
        return Response(
            {
                "name": application.name,
                "description": application.description,
                "uri": application.application_uri,
                "avatar": avatar(application.avatar_email or application.name, "app"),
                "organization": {
                    "name": organization,
                    "email": "",
                    "avatar": avatar(organization, "org"),
                    "is_admin": False,
                    "is_member": False,
                    "teams": {},
                    "ordered_teams": [],
                    "invoice_email": False,
                    "invoice_email_address": None,
                    "tag_expiration_s": int(time_machine_of(space).total_seconds()),
                    "is_free_account": False,
                    "quotas": [],
                    "quota_report": quota_report(),
                },
            }
        )


class AuthorizationsView(ManagementView):
    """Tokens of who calls that programs have."""

    def get(self, request: Request) -> Response:
        page = page_of(request, _authorizations(self), order="id")
        return Response({"authorizations": [_authorization(row) for row in page.rows], **page.more})


class AuthorizationView(ManagementView):
    def get(self, request: Request, authorization: str) -> Response:
        return Response(_authorization(self._token(authorization)))

    def delete(self, request: Request, authorization: str) -> Response:
        revoke_token(token=self._token(authorization), **self.change)
        return Response(status=204)

    def _token(self, authorization: str) -> AccessToken:
        token = _authorizations(self).filter(pk=pk_of(authorization)).first()
        if token is None:
            raise NotFound(f"there is no authorization {authorization[:64]}")
        return token


class OffersView(ManagementView):
    """What programs that others run ask who calls for."""

    def get(self, request: Request) -> Response:
        rows = self.user.offers.select_related("application__organization__namespace")
        page = page_of(request, rows, order="id")
        return Response({"authorizations": [_offer(row) for row in page.rows], **page.more})


class OfferView(ManagementView):
    def delete(self, request: Request, offer: str) -> Response:
        try:
            row = self.user.offers.select_related("application").filter(uuid=UUID(offer)).first()
        except ValueError:
            row = None
        if row is None:
            raise NotFound(f"there is no authorization {offer[:64]}")
        applications.end_offer(application=row.application, user=self.user)
        return Response(status=204)


def _authorizations(view: ManagementView) -> QuerySet[AccessToken]:
    tokens = view.user.tokens.filter(application__isnull=False)
    return tokens.select_related("application__organization__namespace", "user")


def _authorization(token: AccessToken) -> dict[str, Any]:
    return {
        "uuid": id_of(token.pk),
        "application": _program(token.application),
        "scopes": _scopes(token.scopes.split()),
    }


def _offer(offer: OAuthOffer) -> dict[str, Any]:
    return {
        "uuid": str(offer.uuid),
        "application": _program(offer.application),
        "redirectUri": offer.redirect_uri,
        "scopes": _scopes(sorted(read_scopes(offer.scope))),
        "responseType": offer.response_type,
    }


def _program(application: Any) -> dict[str, Any]:
    organization = application.organization.name
    return {
        "name": application.name,
        "clientId": application.client_id,
        "description": application.description,
        "url": application.application_uri,
        "avatar": avatar(application.avatar_email or application.name, "app"),
        "organization": {"name": organization, "avatar": avatar(organization, "org")},
    }


def _scopes(scopes: Iterable[str]) -> list[dict[str, str]]:
    return [
        {"scope": scope, "title": _ABOUT[scope], "description": _ABOUT[scope]} for scope in scopes
    ]


def _document(application: OAuthApplication, secret: str | None = None) -> dict[str, Any]:
    return {
        "name": application.name,
        "description": application.description,
        "application_uri": application.application_uri,
        "client_id": application.client_id,
        "client_secret": secret,
        "redirect_uri": application.redirect_uri,
        "avatar_email": application.avatar_email or None,
    }


def _token(token: AccessToken) -> dict[str, Any]:
    return {
        "uuid": id_of(token.pk),
        "name": token.title,
        "scope": token.scopes,
        "expires_at": _moment(token.expires_at),
        "created": _moment(token.created_at),
        "created_by": str(token.user),
        "last_accessed": _moment(token.last_used_at),
    }


def _moment(moment: datetime | None) -> str | None:
    """As in ISO 8601, which Quay writes here alone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _no_application(client_id: str) -> NotFound:
    return NotFound(f"there is no application {client_id[:40]}")
