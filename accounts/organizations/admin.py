"""Organizations, teams and default permissions in the administration."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.names import check_name, check_namespace_name
from accounts.organizations import services
from accounts.organizations.models import DefaultPermission, Organization, Team, TeamMember
from accounts.users.administration import AuditedAdmin, actor_of, clean_with
from accounts.users.models import User


class NewOrganizationForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    name = forms.CharField(max_length=255)
    owner = forms.CharField(help_text="The user who will be in its team 'owners'.")

    class Meta:
        model = Organization
        fields = ["name", "owner", "email"]

    def clean_name(self) -> str:
        return clean_with(check_namespace_name, self.cleaned_data["name"])

    def clean_owner(self) -> User:
        try:
            return User.objects.get(username=self.cleaned_data["owner"])
        except User.DoesNotExist:
            raise forms.ValidationError("There is no such user.") from None


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
    list_display = ["name", "email", "created_at"]
    list_select_related = ["namespace"]
    search_fields = ["namespace__name", "email"]
    ordering = ["namespace__name"]
    readonly_fields = ["created_at"]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else NewOrganizationForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["email", "created_at"] if obj else ["name", "owner", "email"]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return [TeamInline] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"owner": request.user.get_username()}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        created = services.create_organization(
            name=form.cleaned_data["name"],
            owner=form.cleaned_data["owner"],
            email=obj.email,
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
