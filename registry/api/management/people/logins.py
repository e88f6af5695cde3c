"""Signing in to the management API, and out of it."""

from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.errors import Denied, Unauthorized
from registry.api.http.login import log_in
from registry.api.management import sessions
from registry.api.management.base import ManagementView
from registry.api.management.bodies import Body, Text


class SignInRefused(Denied):
    message = "wrong user name or password"

    def __init__(self, reason: str = "", *, is_unverified: bool = False) -> None:
        super().__init__(reason)
        self.facts = {"invalidCredentials": True, "needsEmailVerification": is_unverified}


class Credentials(Body):
    username = Text(max_length=255)
    password = Text(max_length=4096)


class CsrfTokenView(ManagementView):
    """Outside of ``/api/v1/``, where clients look for it."""

    def get(self, request: Request) -> Response:
        response = Response()
        response.data = {"csrf_token": sessions.begin(request, response)}
        response.headers["Cache-Control"] = "no-store"
        return response


class SignInView(ManagementView):
    """A person's name and password, where no second factor is asked for."""

    bodies = {"POST": Credentials}

    def post(self, request: Request) -> Response:
        sessions.check_token(request)
        fields = self.read()
        response = Response({"success": True})
        try:
            principal = log_in(request, fields["username"], fields["password"], now=self.now)
        except (Unauthorized, Denied) as error:
            raise SignInRefused(error.reason) from error
        if principal.kind != "user" or principal.token_id is not None:
            raise SignInRefused("only people sign in, with their password")
        sessions.sign_in(principal, response, now=self.now)
        return response


class SignOutView(ManagementView):
    def post(self, request: Request) -> Response:
        sessions.check_token(request)
        response = Response({"success": True})
        sessions.sign_out(request, response)
        return response


ERRORS: dict[str, tuple[str, str]] = {
    "invalid_request": ("Invalid request", "The request is not what its route takes."),
    "invalid_token": ("No login", "The login or the token is missing, wrong, or has ended."),
    "insufficient_scope": ("Not allowed", "Who is logged in, or the token, may not do this."),
    "not_found": ("Not found", "It is not there, or who asks may not know of it."),
    "tag_immutable": ("Immutable", "The tag can be neither moved nor deleted."),
}
