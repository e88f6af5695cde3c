"""People in the administration."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import BaseUserCreationForm, UserChangeForm
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.names import check_namespace_name
from accounts.users import services
from accounts.users.administration import (
    AuditedAdmin,
    ReadOnlyAdmin,
    actor_of,
    clean_with,
    for_each,
)
from accounts.users.models import AccessEpoch, Namespace, User


class NewUserForm(BaseUserCreationForm):  # type: ignore[type-arg] # not subscriptable when it runs
    class Meta:
        model = User
        fields = ["username", "email", "is_superuser"]

    def clean_username(self) -> str:
        return clean_with(check_namespace_name, self.cleaned_data["username"])


class UserForm(UserChangeForm):  # type: ignore[type-arg] # not subscriptable when it runs
    class Meta:
        model = User
        fields = ["email", "password", "is_active", "is_superuser"]


@admin.register(User)
class PersonAdmin(AuditedAdmin, UserAdmin):  # type: ignore[type-arg] # not subscriptable when it runs
    """Users are disabled, not deleted: their repositories and their name stay theirs."""

    add_form = NewUserForm
    form = UserForm
    add_fieldsets = [
        (None, {"fields": ["username", "email", "is_superuser", "password1", "password2"]}),
    ]
    fieldsets = [
        (None, {"fields": ["username", "email", "password"]}),
        ("Rights", {"fields": ["is_active", "is_superuser"]}),
        ("Dates", {"fields": ["date_joined", "last_login"]}),
    ]
    list_display = ["username", "email", "is_active", "is_superuser", "date_joined", "last_login"]
    list_filter = ["is_active", "is_superuser"]
    search_fields = ["username", "email"]
    ordering = ["username"]
    filter_horizontal = []
    actions = ["disable", "enable"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["username", "date_joined", "last_login"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            self._change(request, obj, form)
            return
        created = services.create_user(
            username=obj.username,
            password=form.cleaned_data["password1"],
            email=obj.email,
            is_superuser=obj.is_superuser,
            now=timezone.now(),
            by=actor_of(request),
        )
        obj.__dict__.update(created.__dict__)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        password = User.objects.filter(pk=id).values_list("password", flat=True)
        with transaction.atomic():
            before = password.first()
            response = super().user_change_password(request, id, form_url)
            if password.first() != before:
                self.note(request, "password.change", User.objects.get(pk=id))
        return response

    @admin.action(description="Disable the selected users")
    def disable(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        return for_each(self, request, queryset, services.disable_user, argument="user")

    @admin.action(description="Enable the selected users")
    def enable(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        return for_each(self, request, queryset, services.enable_user, argument="user")

    def _change(self, request: HttpRequest, user: User, form: forms.Form) -> None:
        to_do: dict[str, Any] = {"user": user, "now": timezone.now(), "by": actor_of(request)}
        if "email" in form.changed_data:
            services.change_email(**to_do, email=user.email)
        if "is_active" in form.changed_data:
            (services.enable_user if user.is_active else services.disable_user)(**to_do)
        if "is_superuser" in form.changed_data:
            grant_or_revoke = (
                services.make_superuser if user.is_superuser else services.unmake_superuser
            )
            grant_or_revoke(**to_do)


@admin.register(Namespace)
class NamespaceAdmin(ReadOnlyAdmin):
    """Only there to be found when the owner of a robot is chosen."""

    list_display = ["name", "created_at"]
    search_fields = ["name"]
    ordering = ["name"]


@admin.register(AccessEpoch)
class AccessEpochAdmin(ReadOnlyAdmin):
    list_display = ["id", "value"]
