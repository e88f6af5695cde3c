"""What holds for every page as long as somebody is signed in."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Pages that somebody who must change their password may use before that.
_OPEN = ("account_change_password", "account_logout", "ui:theme", "ui:help")


class SecureCookies:
    """Cookies that came over TLS never go without, whatever the configuration says."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response


class PasswordChangeFirst:
    """Leads whoever signed in with a password made up for them to the page that changes it."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Without the cookie nobody is signed in, and no database needs to be asked.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return self._get_response(request)
        user = request.user
        if user.is_authenticated and user.must_change_password and not _is_open(request.path):
            return HttpResponseRedirect(reverse("account_change_password"))
        return self._get_response(request)


def _is_open(path: str) -> bool:
    return path in {reverse(name) for name in _OPEN} or path.startswith(f"/{settings.STATIC_URL}")
