"""Letting programs in without a page, as Quay's clients do it; below ``/oauth/`` and ``/oauth2/``.

A person who has signed in (``POST /api/v1/signin``) posts the form that a browser would, and finds
a token in the address that is answered.
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials import applications
from accounts.credentials.models import OAuthApplication
from accounts.credentials.workloads.federation import is_foreign, issue_robot_jwt
from artifacts.oci.errors import Unauthorized
from registry.access.callers import Caller, InsufficientScope
from registry.access.holders import user_named
from registry.access.standings import standings
from registry.api.http.failures import RequestInvalid
from registry.api.http.login import address_of, external_url, log_in, read_basic
from registry.api.management.base import ManagementView
from registry.api.management.documents import unstored
from registry.api.management.sessions import principal_of_session

_MAX_FORM_BYTES: Final = 16 * 1024
_MAX_FIELDS: Final = 50


class _FormView(ManagementView):
    def form(self) -> dict[str, str]:
        """The fields of the body; the last of several of one name."""
        content = self.body.read_small(_MAX_FORM_BYTES)
        try:
            text = content.decode("ascii")
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        except ValueError as error:
            raise RequestInvalid("send a form (application/x-www-form-urlencoded)") from error
        return dict(pairs)

    def signed_form(self, request: Request) -> dict[str, str]:
        """The form, and what the address says, of a person who has signed in to this API."""
        form = {**request.query_params.dict(), **self.form()}
        token = form.get("_csrf_token") or None
        principal = principal_of_session(request, now=self.now, token=token)
        if principal.kind != "user":
            raise Unauthorized("sign in first: POST /api/v1/signin")
        self.caller = Caller(principal, None, address_of(request))
        return form


class AuthorizeView(_FormView):
    def post(self, request: Request) -> HttpResponse:
        form = self.signed_form(request)
        user = self.require_person()
        application = _application(form.get("client_id", ""))
        place = form.get("redirect_uri", "")
        own = f"{external_url(request)}/oauth/localapp"
        applications.check_redirect(application, place, own=own)
        scope = applications.scope_within(form.get("scope", ""), user)
        match form.get("response_type"):
            case "token":
                _, secret = applications.issue_token(
                    application=application,
                    user=user,
                    title=application.name,
                    scope=scope,
                    expires_at=self.now + applications.TOKEN_LASTS,
                    **self.change,
                )
                place = applications.place_with_token(
                    redirect_uri=place, secret=secret, scope=scope, state=form.get("state", "")
                )
            case "code":
                place = applications.place_with_code(
                    application=application,
                    user=user,
                    redirect_uri=place,
                    scope=scope,
                    challenge=_challenge(form),
                    state=form.get("state", ""),
                )
            case _:
                raise RequestInvalid("response_type must be token or code")
        applications.end_offer(application=application, user=user)
        return unstored(Response(status=HTTPStatus.FOUND, headers={"Location": place}))


class OfferView(_FormView):
    """Asks somebody else to let a program of one's organization in; they find it among their
    application tokens."""

    def post(self, request: Request) -> Response:
        form = self.signed_form(request)
        self.require_person()
        application = _application(form.get("client_id", ""))
        organization = application.organization
        if "administrator" not in standings(self.principal, organization.namespace):
            raise InsufficientScope(f"only owners of {organization.name} may offer its tokens")
        place = form.get("redirect_uri", "")
        own = f"{external_url(request)}/oauth/localapp"
        applications.check_redirect(application, place, own=own)
        applications.offer_token(
            application=application,
            user=user_named(form.get("username", "")),
            scope=form.get("scope", ""),
            redirect_uri=place,
            response_type=form.get("response_type", ""),
            **self.change,
        )
        return Response({"success": True})


class AccessTokenView(_FormView):
    """A token for a code (RFC 6749, 4.1.3). The program proves itself in the form, or by Basic."""

    def post(self, request: Request) -> Response:
        form = self.form()
        if form.get("grant_type") != "authorization_code":
            raise RequestInvalid("grant_type must be authorization_code")
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
        token, secret = applications.redeem_code(
            code=form.get("code", ""),
            client_id=client_id,
            client_secret=client_secret,
            redirect_uri=form.get("redirect_uri", ""),
            verifier=form.get("code_verifier", ""),
            now=self.now,
            by=Caller(self.principal, None, address_of(request)).actor,
        )
        answer = {
            "access_token": secret,
            "token_type": "Bearer",
            "expires_in": int(applications.TOKEN_LASTS.total_seconds()),
            "refresh_token": None,
            "scope": token.scopes,
        }
        return unstored(Response(answer))


class RobotTokenView(ManagementView):
    """A robot's password for an hour, for what a workload brings as its password by Basic."""

    def get(self, request: Request) -> Response:
        scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() != "basic":
            raise Unauthorized("log in as the robot, with the token of the workload")
        name, token = read_basic(value)
        if not is_foreign(name, token):
            raise Unauthorized("log in as the robot, with the token of the workload")
        principal = log_in(request, name, token, now=self.now)
        return unstored(Response({"token": issue_robot_jwt(principal, now=self.now)}))

    post = get


def _application(client_id: str) -> OAuthApplication:
    application = applications.application_at(client_id)
    if application is None:
        raise RequestInvalid("there is no application with this client_id")
    return application


def _challenge(form: dict[str, str]) -> str:
    challenge = form.get("code_challenge", "")
    if challenge and form.get("code_challenge_method") != "S256":
        raise RequestInvalid("code_challenge_method must be S256")
    return challenge
