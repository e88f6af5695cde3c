"""Who may use a repository, and why."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from accounts.credentials.principals import ANONYMOUS
from accounts.errors import AccountError
from accounts.names import MAX_NAME_LENGTH
from accounts.organizations.models import Organization, Team
from accounts.users.models import Robot, User
from registry.access.explanation import Explanation, administering_teams, explain, holders_of
from registry.access.holders import TeamUnknown, team_named, user_or_robot
from registry.repositories.models import RepositoryGrant, Role
from registry.repositories.services import grant, revoke
from ui.forms import NameInput, PageForm, typed
from ui.namespaces.rights import ROLES
from ui.namespaces.robots import RobotHereForm
from ui.pages import RepositoryPage
from ui.paging import page_of

MOST_TEAMS = 100  # that administer the organization and are named
HOLDERS = (("account", "A user or a robot"), ("team", "A team"))


class NewGrantForm(PageForm):
    refusable = "name"

    holder = forms.ChoiceField(label="For", choices=HOLDERS)
    name = forms.CharField(
        max_length=2 * MAX_NAME_LENGTH + 1,
        widget=NameInput(),
        help_text="A robot of another owner has its owner's name before it: acme+ci.",
    )
    role = forms.ChoiceField(choices=ROLES, initial=Role.READ)


class RoleForm(PageForm):
    role = forms.ChoiceField(choices=ROLES)


class AccessPage(RepositoryPage):
    template = "ui/repositories/access.html"
    actions = {"GET": "*", "POST": "*"}
    tab = "access"

    def get(self, request: HttpRequest, repository: str) -> HttpResponse:
        return self.answer(NewGrantForm())

    def post(self, request: HttpRequest, repository: str) -> HttpResponse:
        data = self.filled(NewGrantForm(request.POST)).cleaned_data
        find = self._team if data["holder"] == "team" else self._account
        grant(
            repository=self.repository,
            role=Role(data["role"]),
            holder=find(data["name"]),
            now=self.now,
            by=self.by,
        )
        text = f"{data['name'].strip()} has the role {data['role']} in {repository} now."
        return self.done(text, "ui:access", repository=repository)

    def _account(self, name: str) -> User | Robot:
        return user_or_robot(
            name,
            place=self.repository.namespace,
            asker=self.visitor,
            known=Robot.objects.filter(grants__repository=self.repository),
        )

    def _team(self, name: str) -> Team:
        organization: Organization | None = getattr(self.repository.namespace, "organization", None)
        if organization is None:
            raise TeamUnknown(name.strip(), self.repository.namespace.name)
        return team_named(name, organization)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        self.suggest(form, "name", first="account")
        page = page_of(self.request, _grants(self), order=("id",))
        name = typed(self.request.GET, "who", most=2 * MAX_NAME_LENGTH + 1)
        return self.render(
            crumb="Access",
            kind=self.repository.kind,
            page=page,
            form=form,
            robot_form=self._robot_form(),
            holders=holders_of(self.repository),
            teams=administering_teams(self.repository)[:MOST_TEAMS],
            anybody=explain(account=None, repository=self.repository),
            asked=name,
            answer=self._explained(name) if name else None,
            **options,
        )

    def _robot_form(self) -> RobotHereForm | None:
        """For those alone who may make robots of the owner."""
        may_make = "administrator" in self._standings()
        return RobotHereForm(self.repository) if may_make else None

    def _explained(self, name: str) -> Explanation | None:
        """``None`` when nobody is called so."""
        try:
            account = None if name == ANONYMOUS.kind else self._account(name)
        except AccountError:
            return None
        return explain(account=account, repository=self.repository)


class GrantPage(RepositoryPage):
    """A role that somebody was given: another one, or its end."""

    template = "ui/repositories/grant.html"
    actions = {"GET": "*", "POST": "*"}
    tab = "access"
    grant: RepositoryGrant

    def refusal(self) -> HttpResponseBase | None:
        answer = super().refusal()
        row = _grants(self).filter(pk=self.kwargs["grant"]).first()
        if answer is None and row is None:
            raise Http404
        if row is not None:
            self.grant = row
        return answer

    def context(self) -> dict[str, Any]:
        about = {"crumb": "Access", "kind": self.repository.kind, "given": self.grant}
        return {**super().context(), **about, "holder": _name_of(self.grant)}

    def get(self, request: HttpRequest, repository: str, grant: int) -> HttpResponse:
        return self.answer(RoleForm(initial={"role": self.grant.role}))

    def post(self, request: HttpRequest, repository: str, **_: Any) -> HttpResponse:
        name = _name_of(self.grant)
        if "remove" in request.POST:
            revoke(given=self.grant, now=self.now, by=self.by)
            text = f"{name} has no role of its own in {repository} any more."
            return self.done(text, "ui:access", repository=repository)
        form = self.filled(RoleForm(request.POST))
        holder = _holder_of(self.grant)
        role = Role(form.cleaned_data["role"])
        grant(repository=self.repository, role=role, holder=holder, now=self.now, by=self.by)
        text = f"{name} has the role {role} in {repository} now."
        return self.done(text, "ui:access", repository=repository)


def _grants(page: RepositoryPage) -> Any:
    return RepositoryGrant.objects.filter(repository=page.repository).select_related(
        "repository", "user", "robot__namespace", "team__organization__namespace"
    )


def _holder_of(row: RepositoryGrant) -> User | Robot | Team:
    holder: User | Robot | Team | None = row.user or row.robot or row.team
    if holder is None:
        raise AssertionError("a constraint of the table forbids it")
    return holder


def _name_of(row: RepositoryGrant) -> str:
    return str(_holder_of(row))
