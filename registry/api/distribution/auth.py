"""Where tokens are issued.

Source: Docker's "Token Authentication Specification" (GET) and its OAuth2 form (POST).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http import HttpResponseBase, QueryDict
from rest_framework.request import Request

from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.credentials.services import APPLICATION, authenticate
from artifacts.oci.errors import QueryInvalid, Unauthorized
from registry.access.grants import grant_token
from registry.access.scopes import parse_scopes
from registry.access.tokens import lifetime_seconds, service_name
from registry.api.distribution.base import DistributionView
from registry.api.distribution.reads import Answer, document_answer
from registry.api.http.login import address_of, external_url, read_basic

_DOOR = "/v2"
_MAX_FORM_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asking:
    """Where somebody asks for a token from, and which address of ours they asked."""

    address: str
    url: str
    now: datetime

    def authenticate(self, username: str, password: str) -> Principal:
        return authenticate(
            username=username, password=password, address=self.address, door=_DOOR, now=self.now
        )


class TokenView(DistributionView):
    """Issues bearer tokens for Basic credentials, for nobody, and for the OAuth2 form."""

    def get(self, request: Request) -> HttpResponseBase:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        return self.answered(token_answer(self._asking(request), header, request.query_params))

    def post(self, request: Request) -> HttpResponseBase:
        form = _Form(self.body.read_small(_MAX_FORM_BYTES))
        asking = self._asking(request)
        principal = _from_form(asking, form)
        return self.answered(_issue(asking, principal, form.all("scope"), form.one("service")))

    def _asking(self, request: Request) -> Asking:
        return Asking(address_of(request), external_url(request), self.now)


def token_answer(asking: Asking, authorization: str, query: QueryDict) -> Answer:
    """A token for whom the header of a GET names, or for nobody."""
    service, scopes = query.get("service", ""), query.getlist("scope")
    principal = _from_header(asking, authorization.strip())
    if principal == ANONYMOUS and not (settings.BERTH.FEATURE_ANONYMOUS_ACCESS and any(scopes)):
        raise Unauthorized("log in, or name a scope that needs no login")
    return _issue(asking, principal, scopes, service)


def _from_header(asking: Asking, header: str) -> Principal:
    if not header:
        return ANONYMOUS
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        raise Unauthorized("log in with a user name and a password, robot token or $app token")
    return asking.authenticate(*read_basic(value))


def _from_form(asking: Asking, form: "_Form") -> Principal:
    match form.one("grant_type"):
        case "password":
            return asking.authenticate(form.needed("username"), form.needed("password"))
        case "refresh_token":
            # An application token serves as one: it stands for a login and can be revoked.
            return asking.authenticate(APPLICATION, form.needed("refresh_token"))
        case _:
            raise QueryInvalid("grant_type must be password or refresh_token")


def _issue(asking: Asking, principal: Principal, scopes: Iterable[str], service: str) -> Answer:
    # Without SERVER_HOSTNAME the service has a name of its own; people type the host's. A token
    # for anybody else would be refused here, and is nothing for a client to carry there.
    if service not in {"", service_name(), urlsplit(asking.url).netloc}:
        raise QueryInvalid(f"tokens are issued here for the service {service_name()} only")
    issued = grant_token(
        principal=principal,
        scopes=parse_scopes(scopes),
        address=asking.address,
        now=asking.now,
    )
    document = {
        "token": issued.text,
        "access_token": issued.text,
        "scope": " ".join(map(str, (grant.scope for grant in issued.grants))),
        "expires_in": lifetime_seconds(principal, now=asking.now),
        "issued_at": asking.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    headers = {"Cache-Control": "no-store"}
    if issued.left_out:
        headers["Warning"] = (
            f'299 - "the token has no room for {issued.left_out} of the scopes; ask for fewer"'
        )
    return document_answer(document, headers)


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

    def needed(self, name: str) -> str:
        if not (value := self.one(name)):
            raise QueryInvalid(f"the form needs {name}")
        return value

    def all(self, name: str) -> list[str]:
        return self._fields.get(name, [])
