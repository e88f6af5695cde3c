"""Everybody's accounts: found, made, kept out, helped back in."""

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from accounts.audit.models import AuditEvent
from accounts.names import MAX_NAME_LENGTH
from accounts.organizations.models import Organization
from accounts.users import services
from accounts.users.models import User
from accounts.users.passwords import random_password
from ui.activity.feed import feed
from ui.administration.pages import RegistryPage
from ui.forms import NameInput, PageForm, typed
from ui.pages import unstored
from ui.paging import page_of
from ui.people import ask_again

STATES = (
    ("", "Everybody"),
    ("active", "Active"),
    ("disabled", "Disabled"),
    ("administrators", "Administrators"),
)
_FITS = {
    "active": Q(is_active=True),
    "disabled": Q(is_active=False),
    "administrators": Q(is_superuser=True),
}
_EVENTS_SHOWN = 10
_ORGANIZATIONS_SHOWN = 50


class PeoplePage(RegistryPage):
    template = "ui/administration/people.html"
    tab = "people"

    def get(self, request: HttpRequest) -> HttpResponse:
        text = typed(request.GET, "q", most=MAX_NAME_LENGTH)
        state = request.GET.get("state", "")
        people = User.objects.filter(_FITS.get(state, Q()))
        if text:
            people = people.filter(Q(username__icontains=text) | Q(email__icontains=text))
        page = page_of(request, people, order=("username",))
        return self.render(
            page=page,
            states=STATES,
            state=state if state in _FITS else "",
            text=text,
            with_second_factor=set(
                Authenticator.objects.filter(user__in=[user.pk for user in page.rows]).values_list(
                    "user", flat=True
                )
            ),
        )


class NewPersonForm(PageForm):
    refusable = "username"

    username = forms.CharField(
        label="User name",
        max_length=MAX_NAME_LENGTH,
        widget=NameInput(),
        help_text="Lower-case letters and digits, with single dots, hyphens or underscores"
        " between them. It cannot be changed later.",
    )
    email = forms.EmailField(label="E-mail address", required=False)
    is_superuser = forms.BooleanField(label="Administers this registry", required=False)


class NewPersonPage(RegistryPage):
    template = "ui/administration/new_person.html"
    tab = "people"
    crumb = "New person"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer(NewPersonForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        data = self.filled(NewPersonForm(request.POST)).cleaned_data
        ask_again(request)
        password = random_password()
        created = services.create_user(
            **data, password=password, must_change_password=True, now=self.now, by=self.by
        )
        return unstored(self.render(created=created, password=password))


class EmailForm(PageForm):
    refusable = "email"

    email = forms.EmailField(label="E-mail address", required=False)


class PersonPage(RegistryPage):
    """One account, and what an administrator may do about it."""

    template = "ui/administration/person.html"
    tab = "people"
    person: User

    def refusal(self) -> HttpResponseBase | None:
        answer = super().refusal()
        person = User.objects.filter(username=self.kwargs["username"]).first()
        if person is None:
            raise Http404
        self.person = person
        self.crumb = person.username
        return answer

    @property
    def back(self) -> str:
        return reverse("ui:system_person", kwargs={"username": self.person.username})

    def get(self, request: HttpRequest, username: str) -> HttpResponse:
        return self.answer(EmailForm(initial={"email": self.person.email}))

    def post(self, request: HttpRequest, username: str) -> HttpResponse:
        change = _CHANGES.get(request.POST.get("change", ""))
        if change is None:
            data = self.filled(EmailForm(request.POST)).cleaned_data
            services.change_email(user=self.person, email=data["email"], **self._by)
            return self._done("The address was changed.")
        ask_again(request)
        if change == "password":
            return self._new_password()
        getattr(services, change)(user=self.person, **self._by)
        return self._done(_SAID[change].format(self.person.username))

    def _new_password(self) -> HttpResponse:
        """Made up here, shown once, and changed by its owner before all else."""
        password = random_password()
        services.lend_password(user=self.person, password=password, **self._by)
        return unstored(
            self.answer(EmailForm(initial={"email": self.person.email}), password=password)
        )

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        member = Organization.objects.filter(teams__members__user=self.person).distinct()
        events = AuditEvent.objects.filter(namespace=self.person.username).order_by("-at", "-id")
        return super().answer(
            form,
            person_shown=self.person,
            organizations=member.select_related("namespace").order_by("namespace__name")[
                :_ORGANIZATIONS_SHOWN
            ],
            factors=Authenticator.objects.filter(user=self.person).count(),
            robots=self.person.namespace.robots.count(),
            lines=feed(events[:_EVENTS_SHOWN]),
            **options,
        )

    def _done(self, text: str) -> HttpResponse:
        return self.done(text, "ui:system_person", username=self.person.username)

    @property
    def _by(self) -> dict[str, Any]:
        return {"now": self.now, "by": self.by}


_CHANGES = {
    "disable": "disable_user",
    "enable": "enable_user",
    "promote": "make_superuser",
    "demote": "unmake_superuser",
    "password": "password",
}
_SAID = {
    "disable_user": "{} is kept out, with all robots and tokens.",
    "enable_user": "{} may sign in again.",
    "make_superuser": "{} administers this registry now.",
    "unmake_superuser": "{} administers this registry no more.",
}
