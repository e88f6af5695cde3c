"""``REGISTRY_STATE: readonly``: at every door, what may change something is refused."""

import re
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from artifacts.oci.errors import ReadOnly
from registry.api.doors import answer, is_for_programs
from ui import errors as pages

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1
# Who calls, and how a page looks; and the setting itself, so that it can be taken back.
_GOES_ON: Final = re.compile(
    r"/v2/auth|/v1/users/?|/api/v1/sign(in|out)/?"
    r"|/account/(login|logout|reauthenticate)/|/account/oidc/[^/]+/login/(callback/)?"
    r"|/account/2fa/(authenticate|reauthenticate|webauthn/(login|reauthenticate))/"
    r"|/settings/(theme|tool|put-away)|/admin/(login|logout)/|/admin/config/setting/.*|/system/settings/[^/]+"
)


class ReadOnlyState:
    """Middleware. A method that is not safe counts as a change, wherever it goes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not settings.BERTH.is_read_only or request.method in _SAFE or _goes_on(request):
            return self._get_response(request)
        if is_for_programs(request.path_info):
            return answer(request, ReadOnly())
        return pages.read_only()


def _goes_on(request: HttpRequest) -> bool:
    path = f"/{request.path_info.lstrip('/')}"  # //v2/auth is /v2/auth
    return _GOES_ON.fullmatch(path) is not None
