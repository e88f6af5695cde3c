"""What pages share: who looks, what they look at, and whether they may.

A page names the right that each of its methods needs in ``actions``, so none can be without a
guard. What a visitor may not see looks like what does not exist.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.functional import SimpleLazyObject
from django.views import View
from django_htmx.middleware import HtmxDetails

from accounts.audit.services import Actor
from accounts.credentials.principals import Principal
from accounts.organizations.models import Organization
from accounts.users.models import Namespace, User
from artifacts.refusals import Refusal
from registry.access.holders import known_names
from registry.access.refusals import note_refusal
from registry.access.rights import rights_held, rights_left
from registry.access.scopes import ALL_ACTIONS, Action
from registry.access.standings import ALL_STANDINGS, Standing, standings
from registry.repositories.models import Repository
from ui import errors
from ui.display.costly import Busy
from ui.forms import PageForm, dress, pick, taking
from ui.people import actor, is_opened, user_of, visitor

SUGGESTED = 20  # names, for a field
FORM_REFUSED = HTTPStatus.UNPROCESSABLE_ENTITY
Form = TypeVar("Form", bound=PageForm)


class FormIncomplete(Exception):
    """Something in the form that was sent is wrong; its fields say what."""


class Page(View):
    """A page. ``template`` is what ``render`` fills in; ``nav`` marks an entry of the bar.

    A change that a service refuses needs no care: the refusal is caught here, and stands beside
    its field of the form that was sent.
    """

    template: ClassVar[str]
    nav: ClassVar[str] = ""
    must_sign_in: ClassVar[bool] = False
    request: HttpRequest
    now: datetime
    visitor: Principal
    user: User | None
    by: Actor
    sent: PageForm | None = None

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.now = timezone.now()
        self.user = user_of(request)
        self.visitor = visitor(self.user)
        self.by = actor(request, self.user)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.must_sign_in and self.user is None:
            return sign_in(request)
        if (refusal := self.refusal()) is not None:
            return refusal
        try:
            with taking(request):
                return super().dispatch(request, *args, **kwargs)
        except Busy:
            return errors.busy(request)
        except FormIncomplete:
            return self.answer(self.sent, status=FORM_REFUSED)
        except Refusal as error:
            if request.method != "POST":
                raise
            return self.refused(error)

    def refusal(self) -> HttpResponseBase | None:
        """Look up what the page is about; an answer instead of the page, when it may not be."""
        return None

    @property
    def wants_part(self) -> bool:
        """Whether htmx asks for what changes alone. When it goes back, it needs the whole page."""
        htmx = HtmxDetails(self.request)
        return bool(htmx) and not htmx.history_restore_request

    def context(self) -> dict[str, Any]:
        """What every answer of this page needs; pages of a room add theirs."""
        return {"nav": self.nav, "now": self.now}

    def render(
        self, template: str = "", *, status: int = HTTPStatus.OK, **context: Any
    ) -> HttpResponse:
        """The page, or what ``template`` names instead of it, where given."""
        return TemplateResponse(
            self.request, template or self.template, {**self.context(), **context}, status=status
        )

    def done(self, text: str, to: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """After a change: say so, and go to the page called ``to``."""
        messages.success(self.request, text)
        return HttpResponseRedirect(reverse(to, args=args, kwargs=kwargs))

    def filled(self, form: Form) -> Form:
        """A form that was sent, once all in it is right. Raises ``FormIncomplete``."""
        self.sent = form
        if not form.is_valid():
            raise FormIncomplete
        return form

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        """The page with a form in it, as it is filled in so far."""
        return self.render(form=form, **options)

    def refused(self, error: Refusal) -> HttpResponse:
        """Nothing was changed: the form again with the reason, or else the page ``back``."""
        if self.sent is None:
            messages.error(self.request, reason_of(error))
            return HttpResponseRedirect(self.back)
        field = self.sent.field_of(error)
        self.sent.add_error(field, reason_of(error))
        if field is not None:
            dress(self.sent[field])
        return self.answer(self.sent, status=FORM_REFUSED)

    @property
    def home(self) -> Namespace:
        """The namespace that the page is in."""
        raise NotImplementedError

    @property
    def names_url(self) -> str:
        """Where fields of the page ask for names; see ``ui.search.picker``."""
        raise NotImplementedError

    def suggest(self, form: PageForm, name: str, kind: str = "", *, first: str = "") -> None:
        """Have a field suggest names of a ``kind``; ``first`` where a field says which."""
        names = known_names(kind or first, "", place=self.home, asker=self.visitor, most=SUGGESTED)
        pick(form, name, url=self.names_url, known=names, kind=kind)

    @property
    def back(self) -> str:
        """Where a visitor goes after a change that was refused and had no form."""
        return self.request.path


class SuperuserPage(Page):
    """A page about the registry as a whole."""

    must_sign_in = True

    def refusal(self) -> HttpResponseBase | None:
        if self.user is None or not self.user.is_superuser:
            raise PermissionDenied
        return None


class NamespacePage(Page):
    """A page of an organization or of a person: ``namespace`` in the route names it.

    ``standing`` is the least that the visitor must have, method by method.
    """

    standing: ClassVar[Mapping[str, Standing]] = {"GET": "visitor"}
    tab: ClassVar[str] = ""
    namespace: Namespace
    organization: Organization | None
    standings: frozenset[Standing]
    is_opened: bool

    def refusal(self) -> HttpResponseBase | None:
        namespace = (
            Namespace.objects.held()
            .select_related("organization", "user")
            .filter(name=self.kwargs["namespace"])
            .first()
        )
        if namespace is None:
            raise Http404
        self.namespace = namespace
        self.organization = getattr(namespace, "organization", None)
        self.standings = standings(self.visitor, namespace)
        self.is_opened = is_opened(self.request, self.user, namespace.pk, now=self.now)
        if self.is_opened:
            self.standings = ALL_STANDINGS
        return _answer_to(self, self.standings, self.standing, "visitor")

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "namespace": self.namespace,
            "organization": self.organization,
            "held": self.standings,
            "is_opened": self.is_opened,
            "tab": self.tab,
        }

    @property
    def home(self) -> Namespace:
        return self.namespace

    @property
    def names_url(self) -> str:
        return reverse("ui:names", kwargs={"namespace": self.namespace.name})


class OrganizationPage(NamespacePage):
    """A page that only organizations have."""

    organization: Organization

    def refusal(self) -> HttpResponseBase | None:
        answer = super().refusal()
        if self.organization is None:
            raise Http404
        return answer


class RepositoryPage(Page):
    """A page of one repository: ``repository`` in the route names it."""

    actions: ClassVar[Mapping[str, Action]] = {"GET": "pull"}
    of_content: ClassVar[bool] = True  # and so nothing that can be changed while that is read-only
    tab: ClassVar[str] = ""
    repository: Repository
    given_rights: frozenset[Action]  # the visitor's rights, whatever the state of the repository
    rights: frozenset[Action]  # what that leaves of them
    is_opened: bool

    def refusal(self) -> HttpResponseBase | None:
        repository = (
            Repository.objects.select_related("namespace__organization", "namespace__user")
            .filter(path=self.kwargs["repository"])
            .first()
        )
        if repository is None:
            raise Http404
        self.repository = repository
        self.given_rights = rights_held(
            principal=self.visitor, path=repository.path, repository=repository
        )
        self.is_opened = is_opened(self.request, self.user, repository.namespace_id, now=self.now)
        if self.is_opened:
            self.given_rights = ALL_ACTIONS
        self.rights = rights_left(self.given_rights, repository)
        try:
            answer = _answer_to(self, self.given_rights, self.actions, "pull")
        except (Http404, PermissionDenied):
            self._note_refusal()
            raise
        return answer or self._closed()

    @property
    def home(self) -> Namespace:
        return self.repository.namespace

    @property
    def names_url(self) -> str:
        return reverse("ui:repository_names", kwargs={"repository": self.repository.path})

    def _note_refusal(self) -> None:
        """Who has not signed in is led to the page for it, and not refused yet."""
        if self.user is None:
            return
        needed = self.actions.get(_method(self.request), "pull")
        if "pull" not in self.rights:
            needed = "pull"
        note_refusal(
            principal=self.visitor,
            action=needed,
            path=self.repository.path,
            repository=self.repository,
            address=self.by.address,
            now=self.now,
        )

    def _closed(self) -> HttpResponse | None:
        """The answer to who might do this in another state of the repository."""
        needed = self.actions[_method(self.request)]
        if not self.of_content or needed in self.rights:
            return None
        advice = "It can be pulled from, and nothing in it can be changed."
        if "*" in self.rights:
            advice += " Its settings have the switch for that."
        else:
            advice += " Ask somebody who administers it."
        title = f"{self.repository.path} is read-only"
        return errors.page(self.request, HTTPStatus.FORBIDDEN, title, advice)

    def _standings(self) -> frozenset[Standing]:
        """What the visitor is in the namespace; asked for those alone who might administer it."""
        if "*" not in self.rights:
            return frozenset()
        return ALL_STANDINGS if self.is_opened else standings(self.visitor, self.home)

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "repository": self.repository,
            "namespace": self.repository.namespace,
            "rights": self.rights,
            "is_opened": self.is_opened,
            "may_push": "push" in self.rights,
            "may_describe": "push" in self.given_rights,
            "may_administer": "*" in self.rights,
            "held": SimpleLazyObject(self._standings),
            "tab": self.tab,
        }


def sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """To the sign-in page, and from there back to where the visitor wanted to go."""
    target = request.get_full_path() if request.method in {"GET", "HEAD"} else ""
    query = f"?{urlencode({'next': target})}" if target else ""
    return HttpResponseRedirect(reverse("account_login") + query)


class Secret:
    """What the only answer that holds a secret shows (``ui/parts/secret.html``).

    Args:
        pairs: what to copy: how it is called, what it is, and the words of the button.
    """

    def __init__(self, title: str, hint: str, done_url: str, *pairs: tuple[str, str, str]) -> None:
        self.title, self.hint, self.done_url, self.pairs = title, hint, done_url, pairs


def unstored(response: HttpResponse) -> HttpResponse:
    """The same answer, which no browser and no proxy keeps: it holds a secret."""
    add_never_cache_headers(response)
    response.headers["Cache-Control"] = "no-store"
    return response


def reason_of(error: Refusal) -> str:
    """The sentence of a refusal, with a capital letter and a full stop, for a person."""
    text = str(error)
    if text.partition(" ")[0].isalpha():  # and not the name of something
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _method(request: HttpRequest) -> str:
    return "GET" if request.method == "HEAD" else str(request.method)


def _answer_to(
    page: Page, rights: frozenset[Any], needed: Mapping[str, Any], least: str
) -> HttpResponseBase | None:
    request = page.request
    needed = {method: right for method, right in needed.items() if hasattr(page, method.lower())}
    method = _method(request)
    if least not in rights:
        raise Http404
    if method not in needed:
        return HttpResponseNotAllowed(list(needed))
    if needed[method] in rights:
        return None
    if not request.user.is_authenticated:
        return sign_in(request)
    raise PermissionDenied
