"""What the V1 protocol has besides images: the ping, logins, and everything it no longer does."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.errors import ManifestInvalid, OCIError, Unsupported
from artifacts.oci.strict_json import parse_json
from registry.api.docker_v1.base import V1View
from registry.api.http.login import log_in
from registry.api.http.views import UnknownRoute

_MAX_BODY_BYTES = 64 * 1024


class PingView(V1View):
    """Tells that this is a registry of the first kind, one of many."""

    def get(self, request: Request) -> Response:
        return Response(True, headers={"X-Docker-Registry-Standalone": "0"})


class UsersView(V1View):
    """Logins, in the roundabout way of the first clients: they sign up and want to be refused."""

    def get(self, request: Request) -> Response:
        caller = self.identify(request)
        principal = caller.confirmed(now=self.now)
        if principal.kind == "anonymous":
            raise NobodyKnown("nobody is logged in")
        return Response({"username": principal.name, "email": None})

    def post(self, request: Request) -> Response:
        username, password = self._signed_up()
        try:
            log_in(request, username, password, now=self.now)
        except OCIError as error:
            if error.status == HTTPStatus.UNAUTHORIZED:
                raise LoginInvalid(error.reason) from error
            raise
        return Response("Username or email already exists", status=HTTPStatus.BAD_REQUEST)

    def _signed_up(self) -> tuple[str, str]:
        try:
            match parse_json(self.body.read_small(_MAX_BODY_BYTES)):
                case {"username": str() as username, "password": str() as password}:
                    return username, password
        except ManifestInvalid:
            pass
        raise LoginInvalid("send username and password as JSON")


class LoginInvalid(OCIError):
    code = "UNAUTHORIZED"
    status = HTTPStatus.BAD_REQUEST
    message = "wrong user name or password"


class NobodyKnown(Unsupported):
    status = HTTPStatus.NOT_FOUND


class UnknownView(UnknownRoute, V1View):
    """Every other path below ``/v1/``."""
