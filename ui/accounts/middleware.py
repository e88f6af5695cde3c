"""What holds for every page as long as somebody is signed in."""

from collections.abc import Callable
from typing import Final

from allauth.account.internal.flows.email_verification_by_code import (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
)
from allauth.account.internal.flows.password_reset_by_code import (
    PASSWORD_RESET_VERIFICATION_SESSION_KEY,
)
from allauth.account.internal.userkit import str_to_user_id
from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from accounts.users.models import User

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


class MailedCodes:
    """A code that was mailed ends when the password of its account changes, whoever changes it.

    The code for a new password also ends when the address that it was mailed to is the account's
    no longer. allauth keeps both in the session of the browser that asked for them.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(_ACCOUNT_PAGES):
            return self._get_response(request)
        for key in _MAILED_CODES:
            state = request.session.get(key)
            if state and not _is_good(key, state):
                del request.session[key]
        response = self._get_response(request)
        for key in _MAILED_CODES:
            state = request.session.get(key)
            if state and _BOUND_TO not in state:
                request.session[key] = {**state, _BOUND_TO: _stamp(_user_of(state))}
        return response


_ACCOUNT_PAGES: Final = "/account/"
_MAILED_CODES: Final = (
    PASSWORD_RESET_VERIFICATION_SESSION_KEY,
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
)
_BOUND_TO: Final = "bound_to"


def _is_good(key: str, state: dict[str, str]) -> bool:
    user = _user_of(state)
    if state.get(_BOUND_TO) != _stamp(user):
        return False
    if user is None or key != PASSWORD_RESET_VERIFICATION_SESSION_KEY:
        return True
    email = state["email"]
    theirs = EmailAddress.objects.filter(user=user, email__iexact=email)
    return user.email.lower() == email.lower() or theirs.exists()


def _user_of(state: dict[str, str]) -> User | None:
    """``None`` for the code of an address that no account has, which is never sent."""
    pk = state.get("user_id")
    return User.objects.filter(pk=str_to_user_id(pk), is_active=True).first() if pk else None


def _stamp(user: User | None) -> str:
    return user.get_session_auth_hash() if user else ""


def _is_open(path: str) -> bool:
    return path in {reverse(name) for name in _OPEN} or path.startswith(f"/{settings.STATIC_URL}")
