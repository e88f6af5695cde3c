"""A person lets a program in: what it is and what it asks for, and then a token or a code."""

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.credentials import applications
from accounts.credentials.applications import ApplicationRefused
from accounts.credentials.models import OAuthApplication
from accounts.credentials.principals import read_scopes
from accounts.errors import AccountError
from accounts.origin import external_url
from accounts.users.models import User
from ui.pages import FORM_REFUSED, Page, unstored
from ui.people import ask_again

SCOPES = {
    "repo:read": "See and pull what you can pull",
    "repo:write": "Push and delete where you can",
    "repo:admin": "Administer the repositories that you administer",
    "repo:create": "Create repositories where you can",
    "user:read": "Read your name and your e-mail address",
    "user:admin": "Change your account, its robots and its tokens",
    "org:admin": "Administer the organizations that you administer",
    "super:user": "Administer the whole registry",
}


class AuthorizePage(Page):
    """What cannot be is said here, and leads nowhere else: who asks may be anybody."""

    template = "ui/accounts/authorize.html"
    must_sign_in = True
    user: User

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            application, scopes = self._application_and_scopes()
        except AccountError as error:
            return self.render(refusal=str(error), status=FORM_REFUSED)
        response = self.render(
            application=application,
            scopes=[(scope, SCOPES[scope]) for scope in sorted(scopes)],
            asked=request.GET.items(),
            host=urlsplit(self._place).hostname,
        )
        # The answer to the form leads there.
        parts = urlsplit(self._place)
        response._csp_update = {"form-action": [f"{parts.scheme}://{parts.netloc}"]}  # type: ignore[attr-defined]
        return unstored(response)

    def post(self, request: HttpRequest) -> HttpResponse:
        application, _ = self._application_and_scopes()
        ask_again(request)
        parameters: dict[str, Any] = {
            "redirect_uri": self._place,
            "scope": self._parameters.get("scope", ""),
            "state": self._parameters.get("state", ""),
        }
        if self._parameters.get("response_type") == "code":
            challenge = self._parameters.get("code_challenge", "")
            place = applications.place_with_code(
                application=application, user=self.user, challenge=challenge, **parameters
            )
        else:
            _, secret = applications.issue_token(
                application=application,
                user=self.user,
                title=application.name,
                scope=parameters["scope"],
                expires_at=self.now + applications.TOKEN_LASTS,
                now=self.now,
                by=self.by,
            )
            place = applications.place_with_token(secret=secret, **parameters)
        applications.end_offer(application=application, user=self.user)
        return unstored(HttpResponseRedirect(place))

    @property
    def back(self) -> str:
        return reverse("ui:tokens")

    @property
    def _parameters(self) -> Any:
        return self.request.GET if self.request.method == "GET" else self.request.POST

    @property
    def _place(self) -> str:
        return str(self._parameters.get("redirect_uri", "")) or self._own

    @property
    def _own(self) -> str:
        origin = external_url(self.request.META, scheme=str(self.request.scheme))
        return f"{origin}{reverse('ui:local_application')}"

    def _application_and_scopes(self) -> tuple[OAuthApplication, frozenset[str]]:
        application = applications.application_at(self._parameters.get("client_id", ""))
        if application is None:
            raise ApplicationRefused("there is no application with this client_id")
        applications.check_redirect(application, self._place, own=self._own)
        applications.check_response_type(self._parameters.get("response_type", ""))
        method = self._parameters.get("code_challenge_method", "")
        if self._parameters.get("code_challenge") and method != "S256":
            raise ApplicationRefused("code_challenge_method must be S256")
        scopes = read_scopes(self._parameters.get("scope", ""))
        applications.check_scopes(scopes, self.user)
        return application, scopes


class LocalApplicationPage(Page):
    """Where a token goes that is for nobody else's page: it stands in the address, which the
    server does not see."""

    template = "ui/accounts/local_application.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return unstored(self.render())
