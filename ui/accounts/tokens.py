"""Application tokens: what a person gives to clients instead of the password."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from accounts.credentials.applications import application_at, end_offer
from accounts.credentials.models import AccessToken, OAuthApplication, OAuthOffer, TokenScope
from accounts.credentials.principals import Scope
from accounts.credentials.services import APPLICATION, issue_application_token, revoke_token
from accounts.users.models import User
from ui.commands.address import Registry
from ui.commands.login import logins
from ui.forms import PageForm
from ui.pages import FORM_REFUSED, Page
from ui.paging import page_of
from ui.people import ask_again

_OFFERS_SHOWN: Final = 50
_DAYS = (("30", "30 days"), ("90", "90 days"), ("365", "one year"), ("never", "never"))


class TokenForm(PageForm):
    title = forms.CharField(
        label="What is it for?",
        max_length=255,
        help_text="Such as the machine or the pipeline that uses it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label="What may it do?",
        choices=[choice for choice in TokenScope.choices if choice[0] != TokenScope.NONE],
        initial=TokenScope.WRITE,
        help_text="At most this, and never more than you may.",
    )
    days = forms.ChoiceField(
        label="Expires after",
        choices=_DAYS,
        initial="90",
        help_text="Before one that never expires is made, you are asked who you are once more.",
    )


class TokensPage(Page):
    template = "ui/accounts/tokens.html"
    must_sign_in = True
    user: User

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(form=TokenForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make a token. Its secret is in this answer only, so nothing leads to another page.

        Or ``decline`` what a program asks for.
        """
        if "decline" in request.POST:
            return self._decline(request.POST["decline"])
        form = TokenForm(request.POST)
        if not form.is_valid():
            return self._page(form=form, status=FORM_REFUSED)
        days = form.cleaned_data["days"]
        if days == "never":
            ask_again(request)
        secret = issue_application_token(
            user=self.user,
            title=form.cleaned_data["title"],
            scope=cast("Scope", form.cleaned_data["scope"]),
            expires_at=None if days == "never" else self.now + timedelta(days=int(days)),
            now=self.now,
            by=self.by,
        )
        answer = self._page(
            form=TokenForm(), secret=secret, title=form.cleaned_data["title"], status=201
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _decline(self, client_id: str) -> HttpResponse:
        application = application_at(client_id)
        if application is not None:
            end_offer(application=application, user=self.user)
        return self.done("It was declined.", "ui:tokens")

    def _page(self, **context: Any) -> HttpResponse:
        page = page_of(self.request, self.user.tokens.all(), order=("-created_at", "-pk"))
        offers = self.user.offers.select_related("application__organization__namespace")
        return self.render(
            page=page,
            login_lines=logins(Registry.of(self.request), APPLICATION),
            application=APPLICATION,
            offers=[_Offer.of(row) for row in offers.order_by("pk")[:_OFFERS_SHOWN]],
            **context,
        )


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a program asks for, with the page that says more and lets it in."""

    application: OAuthApplication
    scope: str
    url: str

    @classmethod
    def of(cls, offer: OAuthOffer) -> "_Offer":
        asked = {
            "client_id": offer.application.client_id,
            "scope": offer.scope,
            "redirect_uri": offer.redirect_uri,
            "response_type": offer.response_type,
        }
        return cls(offer.application, offer.scope, f"{reverse('ui:authorize')}?{urlencode(asked)}")


class TokenRevocation(Page):
    template = "ui/accounts/token_revocation.html"
    must_sign_in = True
    user: User
    token: AccessToken

    def refusal(self) -> HttpResponseBase | None:
        token = self.user.tokens.filter(pk=self.kwargs["pk"]).first()
        if token is None:
            raise Http404
        self.token = token
        return None

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.render(token=self.token)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        title = self.token.title
        revoke_token(token=self.token, now=self.now, by=self.by)
        return self.done(f"The token “{title}” was revoked.", "ui:tokens")
