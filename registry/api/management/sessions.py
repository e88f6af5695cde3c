"""A session of the management API alone: its cookie, its tokens against forgery, its ends.

``GET /csrf_token`` gives a cookie with a random name and the token that goes with it. Signing in
takes both, and answers with another cookie, whose session is kept as those of pages are, and with
the token for it. No page knows this cookie, and no route of the API that of the pages.
"""

import hmac
import re
import secrets
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from accounts.credentials.principals import ANONYMOUS, Principal
from accounts.credentials.services import current_principal
from artifacts.oci.errors import Denied

COOKIE: Final = "berth_api"
NEXT_TOKEN: Final = "X-Next-CSRF-Token"  # noqa: S105 - the name of a header
_LASTS: Final = timedelta(hours=2)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{20,64}", re.ASCII)
_SALT: Final = "berth.api.csrf"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_Store: Any = import_module(settings.SESSION_ENGINE).SessionStore


class Forged(Denied):
    """A change in a session, without the token that only its owner has."""

    message = "the X-CSRF-Token is missing or wrong; GET /csrf_token gives one"

    def __init__(self) -> None:
        super().__init__()
        self.facts = {"error": self.reason}


def principal_of_session(request: Request, *, now: datetime, token: str | None = None) -> Principal:
    """Who signed in with the cookie of the request; nobody where there is none, or it has ended.

    A change needs the token against forgery, in the header or as ``token``. Raises ``Forged``.
    """
    key = _key(request)
    session = _Store(key).load() if key else {}
    if "api_user" not in session or session["api_until"] <= int(now.timestamp()):
        return ANONYMOUS
    principal = current_principal(
        kind="user", id=session["api_user"], token_id=None, stamp=session["api_stamp"], now=now
    )
    if principal is None:
        return ANONYMOUS
    if request.method not in _SAFE:
        check_token(request, token=token)
    return principal


def check_token(request: Request, *, token: str | None = None) -> None:
    """Raises ``Forged`` unless the request brings the token that goes with its cookie: in its
    header, or as ``token``."""
    key = _key(request)
    token = request.META.get("HTTP_X_CSRF_TOKEN", "") if token is None else token
    if not key or not hmac.compare_digest(token.encode(), token_of(key).encode()):
        raise Forged


def token_of(key: str) -> str:
    """What a page of another site cannot know: it cannot read the cookie."""
    return salted_hmac(_SALT, key, algorithm="sha256").hexdigest()


def begin(request: Request, response: HttpResponse) -> str:
    """The token of the cookie that the request has, or is given now."""
    key = _key(request)
    if not key:
        key = secrets.token_urlsafe(24)
        _set_cookie(response, key)
    return token_of(key)


def sign_in(principal: Principal, response: HttpResponse, *, now: datetime) -> None:
    """Another cookie than before: whoever knew that one knows nothing of the session."""
    session = _Store()
    session["api_user"] = principal.id
    session["api_stamp"] = principal.stamp
    session["api_until"] = int((now + _LASTS).timestamp())
    session.set_expiry(int(_LASTS.total_seconds()))
    session.create()
    _set_cookie(response, session.session_key)
    response.headers[NEXT_TOKEN] = token_of(session.session_key)


def sign_out(request: Request, response: HttpResponse) -> None:
    key = _key(request)
    if key and "api_user" in _Store(key).load():
        _Store(key).delete(key)
    response.delete_cookie(COOKIE, samesite="Lax")


def _key(request: HttpRequest | Request) -> str:
    key = request.COOKIES.get(COOKIE, "")
    return key if _KEY.fullmatch(key) else ""


def _set_cookie(response: HttpResponse, key: str) -> None:
    response.set_cookie(
        COOKIE, key, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
