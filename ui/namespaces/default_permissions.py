"""What new repositories of an organization grant from their first moment."""

from typing import Any, cast

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from accounts.errors import AccountError
from accounts.names import MAX_NAME_LENGTH
from accounts.organizations import services
from accounts.organizations.models import DefaultPermission, DefaultRole, Team
from accounts.users.models import Robot, User
from ui.forms import PageForm
from ui.namespaces.holders import team_named, user_named, user_or_robot
from ui.pages import FORM_REFUSED, OrganizationPage, reason_of
from ui.paging import page_of

ROLES = (
    (DefaultRole.READ, "Read: pull"),
    (DefaultRole.WRITE, "Write: pull, push and delete"),
    (DefaultRole.ADMIN, "Admin: everything in the repository"),
)
HOLDERS = (("team", "A team"), ("user", "A user"), ("robot", "A robot"))
_NAME = {"autocomplete": "off", "spellcheck": "false"}


class NewPermissionForm(PageForm):
    holder = forms.ChoiceField(label="For", choices=HOLDERS, initial="team")
    name = forms.CharField(
        max_length=2 * MAX_NAME_LENGTH + 1,
        widget=forms.TextInput(attrs=_NAME),
        help_text="Of a robot its whole name, with the organization's before it.",
    )
    role = forms.ChoiceField(choices=ROLES, initial=DefaultRole.READ)
    maker = forms.CharField(
        label="Only in repositories made by",
        required=False,
        max_length=MAX_NAME_LENGTH,
        widget=forms.TextInput(attrs=_NAME),
        help_text="A user's name. Empty: in all that anybody makes.",
    )


class RoleForm(PageForm):
    role = forms.ChoiceField(choices=ROLES)


class DefaultPermissionsPage(OrganizationPage):
    template = "ui/namespaces/default_permissions.html"
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "default_permissions"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        return self._answer(NewPermissionForm())

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        form = NewPermissionForm(request.POST)
        if form.is_valid() and self._add(form):
            text = "New repositories grant this from now on. Those that exist are as they were."
            return self.done(text, "ui:default_permissions", namespace=namespace)
        return self._answer(form, status=FORM_REFUSED)

    def _add(self, form: NewPermissionForm) -> bool:
        asked = form.cleaned_data
        field = "name"
        try:
            delegate = (
                team_named(asked["name"], self.organization)
                if asked["holder"] == "team"
                else user_named(asked["name"])
                if asked["holder"] == "user"
                else user_or_robot(asked["name"], place=self.namespace, visitor=self.visitor)
            )
            field = "maker"
            maker = user_named(asked["maker"]) if asked["maker"] else None
            field = "name"
            services.set_default_permission(
                organization=self.organization,
                delegate=delegate,
                role=DefaultRole(asked["role"]),
                activating_user=maker,
                now=self.now,
                by=self.by,
            )
        except AccountError as error:
            form.add_error(field, reason_of(error))
            return False
        return True

    def _answer(self, form: NewPermissionForm, **options: Any) -> HttpResponse:
        rows = self.organization.default_permissions.select_related(
            "activating_user", "delegate_user", "delegate_robot__namespace", "delegate_team"
        )
        page = page_of(self.request, rows, order=("id",))
        return self.render(crumb="Default permissions", page=page, form=form, **options)


class DefaultPermissionPage(OrganizationPage):
    """One of them: another role, or its end."""

    template = "ui/namespaces/default_permission.html"
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "default_permissions"
    nav = "organizations"
    permission: DefaultPermission

    def refusal(self) -> HttpResponseBase | None:
        if (answer := super().refusal()) is not None:
            return answer
        rows = self.organization.default_permissions.select_related(
            "activating_user", "delegate_user", "delegate_robot__namespace", "delegate_team"
        )
        found = rows.filter(pk=self.kwargs["permission"]).first()
        if found is None:
            raise Http404
        self.permission = found
        self.permission.organization = self.organization
        if found.delegate_team:
            found.delegate_team.organization = self.organization
        return None

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "permission": self.permission,
            "crumb": "Change",
            "parent_name": "default_permissions",
            "parent_title": "Default permissions",
        }

    def get(self, request: HttpRequest, namespace: str, permission: int) -> HttpResponse:
        return self.render(form=RoleForm(initial={"role": self.permission.role}))

    def post(self, request: HttpRequest, namespace: str, permission: int) -> HttpResponse:
        if "delete" in request.POST:
            services.delete_default_permission(permission=self.permission, now=self.now, by=self.by)
            text = "New repositories do not grant this any more. Those that exist are as they were."
            return self.done(text, "ui:default_permissions", namespace=namespace)
        form = RoleForm(request.POST)
        if not form.is_valid():
            return self.render(form=form, status=FORM_REFUSED)
        self._set(DefaultRole(form.cleaned_data["role"]))
        return self.done("The role was changed.", "ui:default_permissions", namespace=namespace)

    def _set(self, role: DefaultRole) -> None:
        row = self.permission
        # One of the three is there: the database holds it to that.
        delegate = cast(
            "User | Robot | Team", row.delegate_user or row.delegate_robot or row.delegate_team
        )
        services.set_default_permission(
            organization=self.organization,
            delegate=delegate,
            role=role,
            activating_user=row.activating_user,
            now=self.now,
            by=self.by,
        )
