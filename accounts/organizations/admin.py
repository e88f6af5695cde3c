"""Organizations, teams and default permissions in the administration."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.names import check_name, check_namespace_name
from accounts.organizations import (
    policy_admin,  # noqa: F401 - registers the policies' pages
    services,
)
from accounts.organizations.models import DefaultPermission, Organization, Team, TeamMember
from accounts.users.administration import AuditedAdmin, actor_of, clean_with
from accounts.users.models import User
from accounts.users.services import namespace_policy
from artifacts.policy.models import ArtifactPolicy


class NewOrganizationForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    name = forms.CharField(max_length=255)
    owner = forms.CharField(help_text="The user who will be in its team 'owners'.")

    class Meta:
        model = Organization
        fields = ["name", "owner", "email", "description"]

    def clean_name(self) -> str:
        return clean_with(check_namespace_name, self.cleaned_data["name"])

    def clean_owner(self) -> User:
        try:
            return User.objects.get(username=self.cleaned_data["owner"])
        except User.DoesNotExist:
            raise forms.ValidationError("There is no such user.") from None


class OrganizationForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    """What its namespace keeps is edited with it."""

    artifact_policy = forms.ModelChoiceField(
        ArtifactPolicy.objects.order_by("name"),
        required=False,
        help_text="Which types of artifact its repositories may hold. Empty: what the"
        " configuration says.",
    )

    class Meta:
        model = Organization
        fields = ["email", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["artifact_policy"] = self.instance.namespace.artifact_policy_id


class TeamForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    class Meta:
        model = Team
        fields = ["organization", "name", "role", "description"]

    def clean_name(self) -> str:
        return clean_with(check_name, self.cleaned_data["name"])


class TeamInline(admin.TabularInline):  # type: ignore[type-arg] # not subscriptable when it runs
    model = Team
    form = TeamForm
    fields = ["name", "role", "description"]
    show_change_link = True
    extra = 0


class TeamMemberInline(admin.TabularInline):  # type: ignore[type-arg] # not subscriptable when it runs
    model = TeamMember
    autocomplete_fields = ["user", "robot"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamMember]:
        members = super().get_queryset(request)
        return members.select_related(
            "user", "robot__namespace", "team__organization__namespace"
        ).order_by("pk")


class OrganizationPartAdmin(AuditedAdmin):
    """Pages of what belongs to an organization, whose rules hold after every change."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        services.check_organization(self.organization_of(form.instance))

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        organization = self.organization_of(obj)
        super().delete_model(request, obj)
        services.check_organization(organization)

    def organization_of(self, obj: Any) -> Organization:
        organization: Organization = obj.organization
        return organization


@admin.register(Organization)
class OrganizationAdmin(OrganizationPartAdmin):
    form = OrganizationForm
    list_display = ["name", "email", "created_at"]
    list_select_related = ["namespace"]
    search_fields = ["namespace__name", "email"]
    ordering = ["namespace__name"]
    readonly_fields = ["created_at", "effective_policy"]

    @admin.display(description="policy in force")
    def effective_policy(self, organization: Organization) -> str:
        return str(namespace_policy(organization.namespace))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else NewOrganizationForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ["email", "description", "artifact_policy", "effective_policy", "created_at"]
        return shown if obj else ["name", "owner", "email", "description"]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return [TeamInline] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"owner": request.user.get_username()}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            if "artifact_policy" in form.changed_data:
                services.select_policy(
                    organization=obj,
                    policy=form.cleaned_data["artifact_policy"],
                    now=timezone.now(),
                    by=actor_of(request),
                )
            return
        created = services.create_organization(
            name=form.cleaned_data["name"],
            owner=form.cleaned_data["owner"],
            email=obj.email,
            description=obj.description,
            now=timezone.now(),
            by=actor_of(request),
        )
        obj.__dict__.update(created.__dict__)

    def organization_of(self, obj: Any) -> Organization:
        organization: Organization = obj
        return organization


@admin.register(Team)
class TeamAdmin(OrganizationPartAdmin):
    form = TeamForm
    inlines = [TeamMemberInline]
    list_display = ["__str__", "role", "description"]
    list_select_related = ["organization__namespace"]
    list_filter = ["role"]
    search_fields = ["name", "organization__namespace__name"]
    autocomplete_fields = ["organization"]
    ordering = ["organization__namespace__name", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["organization"] if obj else []


@admin.register(DefaultPermission)
class DefaultPermissionAdmin(OrganizationPartAdmin):
    list_display = ["__str__", "activating_user"]
    list_select_related = [
        "organization__namespace",
        "activating_user",
        "delegate_user",
        "delegate_robot__namespace",
        "delegate_team__organization__namespace",
    ]
    list_filter = ["role"]
    search_fields = ["organization__namespace__name"]
    autocomplete_fields = [
        "organization",
        "activating_user",
        "delegate_user",
        "delegate_robot",
        "delegate_team",
    ]
    ordering = ["organization__namespace__name", "pk"]
