"""Where tokens are issued.

Source: Docker's "Token Authentication Specification" (GET) and its OAuth2 form (POST).
"""

from collections.abc import Iterable
from datetime import UTC
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.credentials.services import APPLICATION
from artifacts.oci.errors import QueryInvalid, Unauthorized
from registry.access.grants import grant_token
from registry.access.scopes import parse_scopes
from registry.access.tokens import lifetime_seconds, service_name
from registry.api.distribution.base import DistributionView
from registry.api.http.login import address_of, external_url, log_in, read_basic

_MAX_FORM_BYTES = 64 * 1024


class TokenView(DistributionView):
    """Issues bearer tokens for Basic credentials, for nobody, and for the OAuth2 form."""

    def get(self, request: Request) -> Response:
        query = request.query_params
        service, scopes = query.get("service", ""), query.getlist("scope")
        principal = self._from_header(request)
        if principal == ANONYMOUS and not (settings.BERTH.FEATURE_ANONYMOUS_ACCESS and any(scopes)):
            raise Unauthorized("log in, or name a scope that needs no login")
        return self._token(request, principal, scopes, service)

    def post(self, request: Request) -> Response:
        form = _Form(self.body.read_small(_MAX_FORM_BYTES))
        principal = self._from_form(request, form)
        return self._token(request, principal, form.all("scope"), form.one("service"))

    def _from_header(self, request: Request) -> Principal:
        header = request.META.get("HTTP_AUTHORIZATION", "").strip()
        if not header:
            return ANONYMOUS
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "basic":
            raise Unauthorized("log in with a user name and a password, robot token or $app token")
        return self._authenticate(request, *read_basic(value))

    def _from_form(self, request: Request, form: "_Form") -> Principal:
        match form.one("grant_type"):
            case "password":
                return self._authenticate(request, form.one("username"), form.one("password"))
            case "refresh_token":
                # An application token serves as one: it stands for a login and can be revoked.
                return self._authenticate(request, APPLICATION, form.one("refresh_token"))
            case _:
                raise QueryInvalid("grant_type must be password or refresh_token")

    def _authenticate(self, request: Request, username: str, password: str) -> Principal:
        return log_in(request, username, password, now=self.now)

    def _token(
        self, request: Request, principal: Principal, scopes: Iterable[str], service: str
    ) -> Response:
        # Without SERVER_HOSTNAME the service has a name of its own; people type the host's.
        if service == urlsplit(external_url(request)).netloc:
            service = service_name()
        asked = parse_scopes(scopes)
        issued = grant_token(
            principal=principal,
            scopes=asked,
            service=service,
            address=address_of(request),
            now=self.now,
        )
        answer: dict[str, Any] = {
            "token": issued.text,
            "access_token": issued.text,
            "scope": " ".join(map(str, (grant.scope for grant in issued.grants))),
            "expires_in": lifetime_seconds(principal, now=self.now),
            "issued_at": self.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        headers = {"Cache-Control": "no-store"}
        if issued.left_out:
            headers["Warning"] = (
                f'299 - "the token has no room for {issued.left_out} of the scopes; ask for fewer"'
            )
        return Response(answer, headers=headers)


class _Form:
    """A form's fields (``application/x-www-form-urlencoded``)."""

    def __init__(self, content: bytes) -> None:
        text = content.decode("utf-8", "replace").replace("\x00", "")
        try:
            self._fields = parse_qs(text, keep_blank_values=True, max_num_fields=100)
        except ValueError as error:
            raise QueryInvalid("the form has too many fields") from error

    def one(self, name: str) -> str:
        return self._fields.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        return self._fields.get(name, [])
