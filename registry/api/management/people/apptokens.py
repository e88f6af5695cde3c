"""Application tokens, which clients log in with instead of a password."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials.models import AccessToken
from accounts.credentials.principals import Scope
from accounts.credentials.services import (
    application_token,
    issue_application_token,
    revoke_token,
)
from registry.access.callers import InsufficientScope
from registry.api.management.base import ManagementView, NotFound
from registry.api.management.bodies import Body, Text
from registry.api.management.documents import id_of, is_true, pk_of, written_date
from registry.api.management.paging import page_of


class NewToken(Body):
    title = Text(max_length=255)


class TokensView(ManagementView):
    bodies = {"POST": NewToken}

    def tokens(self) -> QuerySet[AccessToken]:
        return self.user.tokens.all()

    def token_document(self, token: AccessToken) -> dict[str, Any]:
        return _document(token)

    def get(self, request: Request) -> Response:
        expiring = request.query_params.get("expiring")
        tokens = self.tokens()
        if is_true(expiring):
            tokens = tokens.filter(expires_at__isnull=False)
        page = page_of(request, tokens, order="id")
        only_expiring = None if expiring is None else is_true(expiring)
        shown = [self.token_document(token) for token in page.rows]
        return Response({"tokens": shown, "only_expiring": only_expiring, **page.more})

    def post(self, request: Request) -> Response:
        """It may push and pull, or no more than the token that the caller came with, and for no
        longer."""
        title = self.read()["title"]
        secret = issue_application_token(
            user=self.user,
            title=title,
            scope=self._scope(),
            expires_at=self.principal.expires_at,
            **self.change,
        )
        token = application_token(secret)
        if token is None:
            raise NotFound("the token was revoked at once")
        response = Response({"token": {**_document(token), "token_code": secret}})
        response.headers["Cache-Control"] = "no-store"
        return response

    def _scope(self) -> Scope:
        if self.has_scope("repo:write") and self.has_scope("repo:create"):
            return "write"
        if self.has_scope("repo:read"):
            return "read"
        raise InsufficientScope("the token does not have the scope repo:read")


class AllTokensView(TokensView):
    """Those of everybody, each with whose it is."""

    def tokens(self) -> QuerySet[AccessToken]:
        return AccessToken.objects.filter(user__isnull=False).select_related("user")

    def token_document(self, token: AccessToken) -> dict[str, Any]:
        return {**_document(token), "user": str(token.user)}


class TokenView(ManagementView):
    def get(self, request: Request, token: str) -> Response:
        """Without the secret, which nobody has any more."""
        return Response({"token": {**_document(self._token(token)), "token_code": None}})

    def delete(self, request: Request, token: str) -> Response:
        revoke_token(token=self._token(token), **self.change)
        return Response(status=204)

    def _token(self, token: str) -> AccessToken:
        row: AccessToken | None = self.user.tokens.filter(pk=pk_of(token)).first()
        if row is None:
            raise NotFound(f"there is no token {token[:64]}")
        return row


def _document(token: AccessToken) -> dict[str, Any]:
    return {
        "uuid": id_of(token.pk),
        "title": token.title,
        "last_accessed": written_date(token.last_used_at),
        "created": written_date(token.created_at),
        "expiration": written_date(token.expires_at),
    }
