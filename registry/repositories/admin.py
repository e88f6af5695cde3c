"""Repositories, and who may use them, in the administration."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.credentials.principals import Principal
from accounts.users.administration import AuditedAdmin, actor_of
from artifacts.oci.errors import NameInvalid
from registry.repositories import services
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository, RepositoryGrant
from registry.repositories.paths import repository_path
from registry.repositories.policies import selected_policy


class NewRepositoryForm(forms.ModelForm):  # type: ignore[type-arg] # not subscriptable when it runs
    class Meta:
        model = Repository
        fields = ["path", "is_public"]

    def clean_path(self) -> str:
        try:
            return repository_path(self.cleaned_data["path"])
        except NameInvalid as error:
            raise forms.ValidationError(error.reason) from error


class GrantInline(admin.TabularInline):  # type: ignore[type-arg] # not subscriptable when it runs
    model = RepositoryGrant
    fields = ["role", "user", "robot", "team"]
    autocomplete_fields = ["user", "robot", "team"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[RepositoryGrant]:
        grants = super().get_queryset(request)
        return grants.select_related(
            "repository", "user", "robot__namespace", "team__organization__namespace"
        ).order_by("pk")


@admin.register(Repository)
class RepositoryAdmin(AuditedAdmin):
    list_display = ["path", "is_public", "created_at", "created_by"]
    list_filter = ["is_public"]
    search_fields = ["path"]
    ordering = ["path"]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else NewRepositoryForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ["path", "description", "is_public", "artifact_policy", "effective_policy"]
        shown += ["signature_requirement", "created_at", "created_by"]
        return shown if obj else ["path", "is_public"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["path", "effective_policy", "created_at", "created_by"] if obj else []

    @admin.display(description="policy in force")
    def effective_policy(self, repository: Repository) -> str:
        return str(selected_policy(repository))

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return [GrantInline] if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            if "artifact_policy" in form.changed_data:
                services.select_policy(
                    repository=obj,
                    policy=obj.artifact_policy,
                    now=timezone.now(),
                    by=actor_of(request),
                )
            if "signature_requirement" in form.changed_data:
                services.require_signatures(
                    repository=obj,
                    requirement=obj.signature_requirement,
                    now=timezone.now(),
                    by=actor_of(request),
                )
            return
        creator = Principal("user", id=int(request.user.pk or 0), name=request.user.get_username())
        created = services.create_repository(
            path=obj.path,
            creator=creator,
            is_public=obj.is_public,
            now=timezone.now(),
            address=actor_of(request).address,
        )
        obj.__dict__.update(created.__dict__)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for inline in formset.forms:
            if inline.instance.created_at is None:
                inline.instance.created_at = timezone.now()
        super().save_formset(request, form, formset, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete_repository(repository=obj, now=timezone.now(), by=actor_of(request))
