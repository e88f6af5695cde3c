"""What new repositories of an organization grant from their first moment."""

from typing import Any, cast

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from accounts.errors import UserUnknown
from accounts.names import MAX_NAME_LENGTH
from accounts.organizations import services
from accounts.organizations.models import DefaultPermission, DefaultRole, Team
from accounts.users.models import Robot, User
from registry.access.holders import team_named, user_named, user_or_robot
from ui.forms import NameInput, PageForm
from ui.pages import OrganizationPage, reason_of
from ui.paging import page_of

ROLES = (
    (DefaultRole.READ, "Read: pull"),
    (DefaultRole.WRITE, "Write: pull, push and delete"),
    (DefaultRole.ADMIN, "Admin: everything in the repository"),
)
HOLDERS = (("team", "A team"), ("user", "A user"), ("robot", "A robot"))


class NewPermissionForm(PageForm):
    refusable = "name"

    holder = forms.ChoiceField(label="For", choices=HOLDERS, initial="team")
    name = forms.CharField(
        max_length=2 * MAX_NAME_LENGTH + 1,
        widget=NameInput(),
        help_text="A robot of another owner has its owner's name before it.",
    )
    role = forms.ChoiceField(choices=ROLES, initial=DefaultRole.READ)
    maker = forms.CharField(
        label="Only in repositories made by",
        required=False,
        max_length=MAX_NAME_LENGTH,
        widget=NameInput(),
        help_text="A user's name. Empty: in all that anybody makes.",
    )

    def clean_maker(self) -> User | None:
        name = self.cleaned_data["maker"]
        try:
            return user_named(name) if name else None
        except UserUnknown as error:
            raise forms.ValidationError(reason_of(error)) from error


class RoleForm(PageForm):
    role = forms.ChoiceField(choices=ROLES)


class DefaultPermissionsPage(OrganizationPage):
    template = "ui/namespaces/default_permissions.html"
    standing = {"GET": "administrator", "POST": "administrator"}
    tab = "default_permissions"
    nav = "organizations"

    def get(self, request: HttpRequest, namespace: str) -> HttpResponse:
        return self.answer(NewPermissionForm())

    def post(self, request: HttpRequest, namespace: str) -> HttpResponse:
        data = self.filled(NewPermissionForm(request.POST)).cleaned_data
        services.set_default_permission(
            organization=self.organization,
            delegate=self._delegate(data["holder"], data["name"]),
            role=DefaultRole(data["role"]),
            activating_user=data["maker"],
            now=self.now,
            by=self.by,
        )
        text = "New repositories grant this from now on. Those that exist are as they were."
        return self.done(text, "ui:default_permissions", namespace=namespace)

    def _delegate(self, kind: str, name: str) -> User | Robot | Team:
        match kind:
            case "team":
                return team_named(name, self.organization)
            case "user":
                return user_named(name)
        return user_or_robot(name, place=self.namespace, asker=self.visitor)

    def answer(self, form: Any = None, **options: Any) -> HttpResponse:
        self.suggest(form, "name", first="team")
        self.suggest(form, "maker", "user")
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
        permission = rows.filter(pk=self.kwargs["permission"]).first()
        if permission is None:
            raise Http404
        self.permission = permission
        self.permission.organization = self.organization
        if permission.delegate_team:
            permission.delegate_team.organization = self.organization
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
        return self.answer(RoleForm(initial={"role": self.permission.role}))

    def post(self, request: HttpRequest, namespace: str, permission: int) -> HttpResponse:
        if "delete" in request.POST:
            services.delete_default_permission(permission=self.permission, now=self.now, by=self.by)
            text = "New repositories do not grant this any more. Those that exist are as they were."
            return self.done(text, "ui:default_permissions", namespace=namespace)
        form = self.filled(RoleForm(request.POST))
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
